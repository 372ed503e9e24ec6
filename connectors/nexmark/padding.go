package nexmark

import (
	"bytes"
	"math/bits"

	"github.com/streamsql/streamsql/connectors/datagen/draw"
)

// paddingSize is the number of characters that all padding is cut from.
const paddingSize = 1 << 20

// groupChars is the number of characters made of one random number.
const groupChars = 6

// padding is the text that `extra` is cut from: a stretch at a random offset, as
// in Nexmark for Flink.
//
// The text is made of groups of six characters, each from one 32-bit number r
// with a sign: character i is 'a' + (r / 26^i) % 26, by division that truncates
// towards zero. So the groups of a positive r are of a-z and those of a negative
// one of H-Z, [, \\, ], ^, _, ` and a: this is why 72 % of all lines hold a
// backslash.
type padding struct {
	raw []byte
	// json is raw as the inside of a JSON string, in which a backslash is two.
	// escapes marks raw's backslashes by a bit each and before counts those
	// before each word of it: so an offset in raw is found in json.
	json    []byte
	escapes []uint64
	before  []uint32
}

func newPadding(seed uint64) *padding {
	p := &padding{
		raw:     make([]byte, paddingSize+groupChars),
		json:    make([]byte, 0, paddingSize+paddingSize/32),
		escapes: make([]uint64, paddingSize/64+1),
		before:  make([]uint32, paddingSize/64+1),
	}
	s := draw.New(seed, paddingStream)
	for at := 0; at < paddingSize; at += groupChars {
		r := int32(s.Draw(uint64(at / groupChars)))
		group := p.raw[at : at+groupChars]
		for i := range group {
			group[i] = byte('a' + r%26)
			r /= 26
		}
	}
	p.raw = p.raw[:paddingSize]

	rest := p.raw
	for {
		i := bytes.IndexByte(rest, '\\')
		if i < 0 {
			break
		}
		at := paddingSize - len(rest) + i
		p.escapes[at/64] |= 1 << (at % 64)
		p.json = append(append(p.json, rest[:i+1]...), '\\')
		rest = rest[i+1:]
	}
	p.json = append(p.json, rest...)
	for i := 1; i < len(p.before); i++ {
		p.before[i] = p.before[i-1] + uint32(bits.OnesCount64(p.escapes[i-1]))
	}
	return p
}

// stretch is a piece of the padding text: `extra` of one event.
type stretch struct{ offset, length uint32 }

// pad chooses the padding of an event of size current, so that sizes average at
// average.
func pad(r uint64, current int, average int64) stretch {
	length := uint32(paddingLength(uint32(r), current, int(average)))
	return stretch{draw.Below32(uint32(r>>32), paddingSize-length), length}
}

// text gives the stretch as it is.
func (p *padding) text(s stretch) []byte { return p.raw[s.offset : s.offset+s.length] }

// escaped gives the stretch as the inside of a JSON string.
func (p *padding) escaped(s stretch) []byte {
	return p.json[p.inJSON(s.offset):p.inJSON(s.offset+s.length)]
}

// inJSON gives the offset in json of an offset in raw.
func (p *padding) inJSON(offset uint32) uint32 {
	word := p.escapes[offset/64] & (1<<(offset%64) - 1)
	return offset + p.before[offset/64] + uint32(bits.OnesCount64(word))
}

// paddingLength gives the length of `extra` for an event of size current, so that
// sizes average at average and spread by a fifth of what is missing.
func paddingLength(r uint32, current, average int) int {
	if current > average {
		return 0
	}
	missing := average - current
	delta := (2*missing + 5) / 10 // a fifth, rounded
	return missing - delta + int(draw.Below32(r, uint32(2*delta)))
}

// maxPadding is the greatest length that paddingLength gives for an average.
func maxPadding(average int) int { return average + (2*average+5)/10 }
