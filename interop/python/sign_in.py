"""A user with a browser without screen and script: it keeps cookies, follows redirects of the server, and
sends the forms that it finds in the pages.

Run with an address it does what `xdg-open` does: signs INTEROP_USER in, accepts what is asked for (or what
else INTEROP_CONSENT says), and takes the answer to the program that waits for it.
"""

import os
import sys
import urllib.parse
from dataclasses import dataclass, field
from html.parser import HTMLParser

import requests
from harness import BASE, READY, WORLD

MOST_REDIRECTS = 10
MOST_PAGES = 10


@dataclass
class Form:
    """A form of a page: where it goes, what it sends anyway, what can be filled in, what can be pressed."""

    action: str
    hidden: dict[str, str] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    buttons: list[dict[str, str]] = field(default_factory=list)


class Page(HTMLParser):
    """A page of the server. `problem` is what it says went wrong."""

    def __init__(self, url: str, status: int, text: str):
        super().__init__()
        self.url, self.status, self.text = url, status, text
        self.form: Form | None = None
        self.heading = self.problem = ""
        self._into: str | None = None
        self.feed(text)
        self.heading, self.problem = self.heading.strip(), self.problem.strip()

    def handle_starttag(self, tag, attributes):
        found = {name: value or "" for name, value in attributes}
        self._into = None
        if tag == "form":
            self.form = Form(urllib.parse.urljoin(self.url, found["action"]))
        elif tag == "input" and found.get("type") == "hidden":
            self.form.hidden[found["name"]] = found.get("value", "")
        elif tag == "input":
            self.form.inputs.append(found["name"])
        elif tag == "button":
            self.form.buttons.append({"name": "", "value": ""} | found | {"text": ""})
            self._into = "button"
        elif tag == "h1":
            self._into = "heading"
        elif found.get("id") == "problem":
            self._into = "problem"

    def handle_data(self, data):
        if self._into == "heading":
            self.heading += data
        elif self._into == "problem":
            self.problem += data
        elif self._into == "button":
            self.form.buttons[-1]["text"] += data

    def offers(self, name: str, value: str) -> bool:
        """Whether there is a button with this name and value."""
        return any((button["name"], button["value"]) == (name, value) for button in self.form.buttons)

    def __str__(self) -> str:
        return f"{self.status} {self.url}: {self.heading!r} {self.problem}"


@dataclass
class Landing:
    """What the browser takes to the application: in the address, or in a form (`form_post`)."""

    url: str
    parameters: dict[str, str]
    by_form: bool
    session: requests.Session

    def deliver(self) -> requests.Response:
        """Takes it there."""
        if self.by_form:
            return self.session.post(self.url, data=self.parameters, timeout=30)
        return self.session.get(self.url, timeout=30)


class Browser:
    """A browser of one user, who `accept`s or `cancel`s what he is asked for."""

    def __init__(self, user: str = "", password: str | None = None, consent: str = "accept"):
        found = WORLD["users"].get(user) or READY["users"].get(user) or {"name": user, "password": ""}
        self.name, self.password = found["name"], password or found["password"]
        self.consent = consent
        self.seen: list[str] = []
        self._session = requests.Session()
        self._session.verify = READY["ca_file"]

    def open(self, url: str) -> Page | Landing:
        """Opens an address and follows where it leads."""
        return self._follow(self._send("GET", url))

    def submit(self, page: Page, **fields: str) -> Page | Landing:
        """Sends the page's form with these fields in addition, and follows."""
        answer = self._send("POST", page.form.action, data=page.form.hidden | fields)
        return self._follow(answer)

    def through(self, url: str) -> Landing:
        """Goes all the way: signs in and answers what is asked, until the browser is sent away."""
        seen = self.finish(self.open(url))
        if isinstance(seen, Page):
            raise AssertionError(f"stopped on a page: {seen}")
        return seen

    def finish(self, seen: Page | Landing) -> Page | Landing:
        """Answers what is asked, until there is nothing to answer."""
        for _ in range(MOST_PAGES):
            if isinstance(seen, Landing) or seen.problem or seen.form is None:
                return seen
            self.seen.append(seen.heading)
            seen = self.submit(seen, **self._answer(seen))
        raise AssertionError(f"pages without end: {self.seen}")

    def _answer(self, page: Page) -> dict[str, str]:
        """What the user fills in and presses."""
        if "username" in page.form.inputs:
            return {"username": self.name, "password": self.password, "do": "sign-in"}
        accounts = [button for button in page.form.buttons if button["name"] == "account"]
        if accounts:
            own = [button["value"] for button in accounts if button["text"].startswith(self.name)]
            return {"account": own[0] if own else "other"}
        for value in (self.consent, "continue", "sign-out"):
            if page.offers("do", value):
                return {"do": value}
        raise AssertionError(f"nothing to press: {page}")

    def _send(self, method: str, url: str, **options) -> requests.Response:
        headers = {"Origin": BASE} if method == "POST" else {}
        return self._session.request(
            method, url, headers=headers, allow_redirects=False, timeout=30, **options
        )

    def _follow(self, answer: requests.Response) -> Page | Landing:
        for _ in range(MOST_REDIRECTS):
            if "Location" not in answer.headers:
                return self._arrived(answer)
            url = urllib.parse.urljoin(answer.url, answer.headers["Location"])
            if not url.startswith(f"{BASE}/"):
                query = urllib.parse.urlsplit(url).query or urllib.parse.urlsplit(url).fragment
                return Landing(url, dict(urllib.parse.parse_qsl(query)), False, self._session)
            answer = self._send("GET", url)
        raise AssertionError(f"redirects without end: {answer.url}")

    def _arrived(self, answer: requests.Response) -> Page | Landing:
        page = Page(answer.url, answer.status_code, answer.text)
        if page.form and not page.form.action.startswith(f"{BASE}/"):
            return Landing(page.form.action, page.form.hidden, True, self._session)
        return page


def main() -> None:
    browser = Browser(os.environ["INTEROP_USER"], consent=os.environ.get("INTEROP_CONSENT", "accept"))
    answer = browser.through(sys.argv[1]).deliver()
    print(answer.status_code, answer.text)


if __name__ == "__main__":
    main()
