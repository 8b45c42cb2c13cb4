//! Resource-server middleware: validates access tokens of behalf and of Entra ID, authorizes by scope and role
