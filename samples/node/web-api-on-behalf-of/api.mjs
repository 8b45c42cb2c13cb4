// orders-api: validates the user's token with jose, then calls ledger-api on behalf of the same user with MSAL.
import { createServer } from "node:http";
import { ConfidentialClientApplication, InteractionRequiredAuthError } from "@azure/msal-node";
import { createRemoteJWKSet, jwtVerify } from "jose";

const { AZURE_AUTHORITY_HOST, AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET } = process.env;
const { LEDGER_URL = "http://localhost:3002", PORT = "3001" } = process.env;
const authority = `${AZURE_AUTHORITY_HOST}/${AZURE_TENANT_ID}`;
const audience = [AZURE_CLIENT_ID, "api://orders"]; // in v2.0 and in v1.0 tokens

const metadata = await (await fetch(`${authority}/v2.0/.well-known/openid-configuration`)).json();
const keys = createRemoteJWKSet(new URL(metadata.jwks_uri));
const client = new ConfidentialClientApplication({
  auth: {
    clientId: AZURE_CLIENT_ID,
    clientSecret: AZURE_CLIENT_SECRET,
    authority,
    knownAuthorities: [new URL(authority).host], // this authority vouches for itself
  },
});

/** What the caller is told: a status and a challenge (RFC 6750 section 3). */
class Refused extends Error {
  constructor(status, challenge = "") {
    super(`Bearer ${challenge}`.trim());
    this.status = status;
  }
}

/** The token, if it is a user's, for this API, with the scope. */
async function validate(authorization = "") {
  const [scheme, token] = authorization.split(" ");
  if (scheme.toLowerCase() !== "bearer" || !token) throw new Refused(401);
  const options = { audience, issuer: metadata.issuer, algorithms: ["RS256"], requiredClaims: ["exp"] };
  const verified = await jwtVerify(token, keys, options).catch(() => {
    throw new Refused(401, 'error="invalid_token"');
  });
  // A daemon's token has roles and no scp: there is no user to act for.
  if (!(verified.payload.scp ?? "").split(" ").includes("Orders.Read")) {
    throw new Refused(403, 'error="insufficient_scope", scope="Orders.Read"');
  }
  return token;
}

/** A token for ledger-api for the same user: from MSAL's cache, or on behalf of him. */
async function ledgerToken(oboAssertion) {
  try {
    const scopes = ["api://ledger/Entries.Read"];
    return (await client.acquireTokenOnBehalfOf({ oboAssertion, scopes })).accessToken;
  } catch (error) {
    console.log(error.message);
    if (error.subError === "consent_required") throw new Refused(403, 'error="consent_required"');
    if (error.claims) { // the user must sign in again, with these
      const encoded = Buffer.from(error.claims).toString("base64");
      throw new Refused(401, `error="insufficient_claims", claims="${encoded}"`);
    }
    if (error instanceof InteractionRequiredAuthError) throw new Refused(401, 'error="invalid_token"');
    throw new Refused(502);
  }
}

/** What ledger-api says of this user, as orders. */
async function orders(authorization) {
  const token = await ledgerToken(await validate(authorization));
  const answer = await fetch(`${LEDGER_URL}/entries`, { headers: { authorization: `Bearer ${token}` } });
  if (!answer.ok) throw new Refused(502);
  return (await answer.json()).map(({ text, cents }) => ({ what: text, cents }));
}

const server = createServer(async ({ method, url, headers }, response) => {
  try {
    if (method !== "GET" || url !== "/orders") throw new Refused(404);
    const body = JSON.stringify(await orders(headers.authorization));
    response.writeHead(200, { "content-type": "application/json" }).end(body);
  } catch (error) {
    const { status = 502, message } = error;
    const challenge = [401, 403].includes(status) ? { "www-authenticate": message } : {};
    response.writeHead(status, challenge).end();
  }
});
server.listen(Number(PORT), "127.0.0.1", () => {
  console.log(`orders-api listens on http://127.0.0.1:${server.address().port}`);
});
