package sample

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/streamsql/streamsql/catalog"
)

// Guess is what is known of the type of a column, member or element by the values
// seen so far. The zero value has seen none.
type Guess struct {
	seen    kinds
	members []member // of objects, in the order in which they came up
	byName  map[string]*Guess
	elem    *Guess // of arrays
}

type member struct {
	name string
	*Guess
}

// kinds is a set of sorts of values.
type kinds uint16

const (
	boolean  kinds = 1 << iota
	integer        // within 64 bits
	wide           // an integer of up to 38 digits
	fraction       // any other number
	date
	local // a date and a time
	zoned // the same with Z or an offset
	text  // any other text
	object
	array
)

// The groups within which kinds have a type in common other than STRING.
const (
	numbers = integer | wide | fraction
)

// Bool notes true or false.
func (g *Guess) Bool() { g.seen |= boolean }

var integral = regexp.MustCompile(`^-?[0-9]+$`)

// Number notes a number, written as in JSON.
func (g *Guess) Number(s string) {
	switch {
	case !integral.MatchString(s) || len(strings.TrimPrefix(s, "-")) > 38:
		if _, err := strconv.ParseFloat(s, 64); err != nil {
			g.seen |= text // beyond a DOUBLE
			return
		}
		g.seen |= fraction
	default:
		if _, err := strconv.ParseInt(s, 10, 64); err == nil {
			g.seen |= integer
		} else {
			g.seen |= wide
		}
	}
}

// Text notes a text. A time counts as one if separators has the character between
// its date and its time.
func (g *Guess) Text(s, separators string) { g.seen |= textKind(s, separators) }

// Member gives the guess of a member of an object, which is noted.
func (g *Guess) Member(name string) *Guess {
	g.seen |= object
	if m := g.byName[name]; m != nil {
		return m
	}
	if g.byName == nil {
		g.byName = map[string]*Guess{}
	}
	m := &Guess{}
	g.members, g.byName[name] = append(g.members, member{name, m}), m
	return m
}

// Object notes an object, which may have no members.
func (g *Guess) Object() { g.seen |= object }

// Elem gives the guess of the elements of an array, which is noted.
func (g *Guess) Elem() *Guess {
	g.seen |= array
	if g.elem == nil {
		g.elem = &Guess{}
	}
	return g.elem
}

// Type gives a type that all values fit: STRING where none was seen, where they have
// no type in common, and for objects that never had a member.
func (g *Guess) Type() catalog.Type {
	switch s := g.seen; {
	case s == boolean:
		return catalog.Boolean
	case s == integer:
		return catalog.BigInt
	case s != 0 && s&^(integer|wide) == 0:
		return catalog.Type{Kind: catalog.KindDecimal, Precision: 38}
	case s != 0 && s&^numbers == 0:
		return catalog.Double
	case s == date:
		return catalog.Date
	case s == local:
		return catalog.Timestamp6
	case s == zoned:
		return catalog.Type{Kind: catalog.KindTimestampLTZ, Precision: 6}
	case s == array:
		return catalog.ArrayOf(g.elem.Type())
	case s == object:
		if fields := g.Fields(); len(fields) > 0 {
			return catalog.RowOf(fields...)
		}
	}
	return catalog.String
}

// Fields gives the members of objects as columns, save one without a name, which no
// column can be.
func (g *Guess) Fields() []catalog.Field {
	var fields []catalog.Field
	for _, m := range g.members {
		if m.name != "" {
			fields = append(fields, catalog.Field{Name: m.name, Type: m.Type()})
		}
	}
	return fields
}

var moment = regexp.MustCompile(`^([0-9]{4}-[0-9]{2}-[0-9]{2})(?:(.)([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})?)?$`)

// maxOffset is the largest offset from UTC that columns take, in hours.
const maxOffset = 18

func textKind(s, separators string) kinds {
	if len(s) < 10 || len(s) > 40 {
		return text
	}
	m := moment.FindStringSubmatch(s)
	if m == nil || strings.HasPrefix(s, "0000") {
		return text
	}
	if _, err := time.Parse("2006-01-02", m[1]); err != nil {
		return text
	}
	if m[2] == "" {
		return date
	}
	if _, err := time.Parse("15:04:05", m[3]); err != nil || !strings.Contains(separators, m[2]) {
		return text
	}
	switch zone := m[4]; {
	case zone == "":
		return local
	case zone != "Z" && (zone[1:3] > strconv.Itoa(maxOffset) || zone[4:] > "59"):
		return text
	}
	return zoned
}

var number = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// IsNumber says whether a text is a number as JSON writes it. One with zeros before
// it (a post code) is none.
func IsNumber(s string) bool { return number.MatchString(s) }
