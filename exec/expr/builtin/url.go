package builtin

import (
	"bytes"
	"strings"

	"github.com/streamsql/streamsql/catalog"
)

// urlFunctions take URLs apart.
func urlFunctions() []*catalog.Function {
	parse := func(args int) catalog.Kernel {
		return rowText(str, func(_ *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
			s, part := a.text(0), a.text(1)
			key := func(int) []byte { return nil }
			if args == 3 {
				key = a.text(2)
			}
			return func(i int) ([]byte, bool) {
				u, ok := parseURL(s(i))
				if !ok {
					return nil, false
				}
				if args == 3 {
					if !strings.EqualFold(string(part(i)), "QUERY") {
						return nil, false
					}
					return u.parameter(key(i))
				}
				return u.part(part(i))
			}
		})
	}
	return []*catalog.Function{
		scalar(texts, called("PARSE_URL", "TRY_PARSE_URL"), "(url STRING, part STRING [, key STRING]) -> STRING",
			"A part of a URL as it is written: PROTOCOL, USERINFO, AUTHORITY, HOST, PATH, QUERY, FILE (path and query) or REF. With QUERY and a key, the value of the key in the query. NULL if the URL has no such part or is none, or an argument is NULL.",
			shows("PARSE_URL('https://me@x.org:80/a/b?q=1&r=2#top', 'HOST')", "x.org", "PARSE_URL('https://x.org/a/b?q=1&r=2', 'QUERY', 'r')", "2",
				"PARSE_URL('https://x.org/a/b?q=1', 'FILE')", "/a/b?q=1", "PARSE_URL('https://x.org/', 'REF')", "NULL"),
			overload(str, parse(2), str, str), overload(str, parse(3), str, str, str)),
	}
}

// parsedURL is a URL in its parts (RFC 3986, section 3); nil: not there.
type parsedURL struct{ scheme, authority, path, query, fragment []byte }

func parseURL(s []byte) (u parsedURL, ok bool) {
	colon := bytes.IndexByte(s, ':')
	if colon <= 0 || s[0]|0x20-'a' >= 26 {
		return u, false
	}
	for _, c := range s[1:colon] {
		if c|0x20-'a' >= 26 && c-'0' > 9 && c != '+' && c != '-' && c != '.' {
			return u, false
		}
	}
	if bytes.ContainsAny(s, " <>\"") {
		return u, false
	}
	u.scheme, s = s[:colon], s[colon+1:]
	if k := bytes.IndexByte(s, '#'); k >= 0 {
		u.fragment, s = s[k+1:], s[:k]
	}
	if k := bytes.IndexByte(s, '?'); k >= 0 {
		u.query, s = s[k+1:], s[:k]
	}
	if bytes.HasPrefix(s, []byte("//")) {
		s = s[2:]
		end := bytes.IndexByte(s, '/')
		if end < 0 {
			end = len(s)
		}
		u.authority, s = s[:end], s[end:]
	}
	u.path = s
	return u, true
}

func (u parsedURL) part(name []byte) ([]byte, bool) {
	user, host := []byte(nil), u.authority
	if k := bytes.LastIndexByte(host, '@'); k >= 0 {
		user, host = host[:k], host[k+1:]
	}
	given := func(b []byte) ([]byte, bool) { return b, b != nil }
	switch strings.ToUpper(string(name)) {
	case "PROTOCOL":
		return given(u.scheme)
	case "AUTHORITY":
		return given(u.authority)
	case "USERINFO":
		return given(user)
	case "HOST":
		if len(host) > 0 && host[0] == '[' { // an IPv6 address
			end := bytes.IndexByte(host, ']')
			return host[:end+1], end > 0
		}
		if k := bytes.IndexByte(host, ':'); k >= 0 {
			host = host[:k]
		}
		return host, len(host) > 0
	case "PATH":
		return u.path, true
	case "QUERY":
		return given(u.query)
	case "REF":
		return given(u.fragment)
	case "FILE":
		if u.query == nil {
			return u.path, true
		}
		return append(append(append([]byte{}, u.path...), '?'), u.query...), true
	}
	return nil, false
}

// parameter gives the value of a key of the query.
func (u parsedURL) parameter(key []byte) ([]byte, bool) {
	rest := u.query
	for more := len(rest) > 0; more; {
		var part []byte
		part, rest, more = bytes.Cut(rest, []byte{'&'})
		if name, value, ok := bytes.Cut(part, []byte{'='}); ok && bytes.Equal(name, key) {
			return value, true
		}
	}
	return nil, false
}
