package json

// invalid looks for what the structural scan lets pass: words that are no
// literal or number, bad escapes, control characters, invalid UTF-8. b is the
// text of one or more values and names whose structure is sound. It gives what
// is wrong and where, the position -1 if nothing is. Up to padding bytes behind
// b are read.
func invalid(b []byte) (ErrorCode, int) {
	for p := 0; p < len(b); {
		switch c := at(b, p); {
		case c == '"':
			end, code := checkString(b, p+1)
			if code != ErrNone {
				return code, p
			}
			p = end
		case delimiter[c]:
			p++
		default:
			end := skipWord(b, p)
			if !validWord(b[p:end]) {
				return ErrLiteral, p
			}
			p = end
		}
	}
	return ErrNone, -1
}

// validWord says whether w is true, false, null or a number.
func validWord(w []byte) bool {
	switch string(w) {
	case "true", "false", "null":
		return true
	}
	return validNumber(w)
}

// validNumber says whether w is a number as JSON writes it.
func validNumber(w []byte) bool {
	i := 0
	digits := func() bool {
		start := i
		for i < len(w) && isDigit(w[i]) {
			i++
		}
		return i > start
	}
	if i < len(w) && w[i] == '-' {
		i++
	}
	if i < len(w) && w[i] == '0' {
		i++
	} else if !digits() {
		return false
	}
	if i < len(w) && w[i] == '.' {
		i++
		if !digits() {
			return false
		}
	}
	if i < len(w) && (w[i] == 'e' || w[i] == 'E') {
		i++
		if i < len(w) && (w[i] == '+' || w[i] == '-') {
			i++
		}
		if !digits() {
			return false
		}
	}
	return i == len(w)
}

func isDigit(c byte) bool { return c-'0' <= 9 }
