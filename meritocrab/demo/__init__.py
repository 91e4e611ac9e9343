"""A GitHub to try things on: a small world of people and repositories, served over real HTTP.

The tests, the crash suite and `meritocrab demo` drive the same one, so that what the demo shows is what is
tested. Two modules are for use: `world` and `github`; `faults` breaks what they do, `history` fills them with
real years and `cast` with the day of the demonstration. The rest are their parts, each below what it is used by:

* The world, one class for each kind of doing: `objects`, `foundation`, `accounts`, `repositories`, `audience`,
  `threads`, `comments`, `pulls`, `access`, `quotas`, `request_log`, joined in `world`.
* The service: `messages`, `payloads_base`, `payloads`, `auth`, `routing`, `rights`, `listings`, `limits`, the
  `routes_*`, `responses`, joined in `api`; then `connection`, and `github` with the port.
"""
