package nexmark

import "github.com/streamsql/streamsql/connectors/datagen/draw"

// The benchmark's names and places: few, so that small inputs have matches.
var (
	givenNames  = [...]string{"Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter"}
	familyNames = [...]string{"Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"}
	cities      = [...]string{"Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent", "Cheyenne"}
	states      = [...]string{"AZ", "CA", "ID", "OR", "WA", "WY"}
)

const (
	maxMailName = 7
	maxMailHost = 5
	cardLength  = 19 // four groups of four digits
)

// person is a person event. Its strings are valid until the next one is made.
type person struct {
	id            int64
	given, family string
	email, card   []byte
	city, state   string
	time          int64 // ms since 1970
	extra         stretch

	emailBuf [maxMailName + 1 + maxMailHost + 4]byte
	cardBuf  [cardLength]byte
}

// person makes the person event at p.
func (g *Generator) person(p place, e *person) {
	s := g.stream(p)
	e.id = firstPersonID + g.lastPerson(p)
	e.time = g.timestamp(p.id)

	r := s.Draw(personNameDraw)
	e.given = givenNames[draw.Below32(uint32(r>>32), uint32(len(givenNames)))]
	e.family = familyNames[draw.Below32(uint32(r), uint32(len(familyNames)))]
	r = s.Draw(personPlaceDraw)
	e.city = cities[draw.Below32(uint32(r>>32), uint32(len(cities)))]
	e.state = states[draw.Below32(uint32(r), uint32(len(states)))]

	email := g.appendWord(e.emailBuf[:0], s, personMailDraw, maxMailName, ' ')
	email = append(email, '@')
	email = g.appendWord(email, s, personHostDraw, maxMailHost, ' ')
	e.email = append(email, ".com"...)

	e.card = e.cardBuf[:]
	for i := range 4 {
		r := s.Draw(personCardDraw+uint64(i/2)) >> (32 * (i & 1))
		putDigits(e.card[5*i:5*i+4], int64(draw.Below32(uint32(r), 10_000)))
		if i > 0 {
			e.card[5*i-1] = ' '
		}
	}

	size := 8 + len(e.given) + 1 + len(e.family) + len(e.email) + len(e.card) + len(e.city) + len(e.state)
	e.extra = pad(s.Draw(personExtraDraw), size, g.cfg.PersonBytes)
}
