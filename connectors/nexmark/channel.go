package nexmark

import (
	"math/bits"
	"strconv"

	"github.com/streamsql/streamsql/connectors/datagen/draw"
)

// Half of the bids come through one of four hot channels, the others through one
// of 10,000. Each channel has one URL, which in nine of ten cases names the id of
// the channel (the hot ones' never do).
const (
	hotChannels  = 4
	coldChannels = 10_000
	maxURLWord   = 5
)

var hotChannelNames = [hotChannels]string{"Google", "Facebook", "Baidu", "Apple"}

// channels holds name and URL of each channel, hot ones first, as they stand in
// a JSON bid: name","url":"URL.
type channels struct {
	text  []byte
	spans [hotChannels + coldChannels]channelSpan
}

// channelSpan is where a channel stands in text.
type channelSpan struct {
	start uint32
	name  uint16 // length of the name
	all   uint16 // length of name, key and URL
}

const urlKey = `","url":"`

// newChannels makes the channels of g's seed.
func newChannels(g *Generator) *channels {
	c := &channels{text: make([]byte, 0, (hotChannels+coldChannels)*88)}
	for i := range c.spans {
		s := draw.New(g.cfg.Seed, channelStream-int64(i))
		start := len(c.text)
		number := i - hotChannels
		if number < 0 {
			c.text = append(c.text, hotChannelNames[i]...)
		} else {
			c.text = append(c.text, "channel-"...)
			c.text = strconv.AppendInt(c.text, int64(number), 10)
		}
		name := len(c.text) - start
		c.text = append(c.text, urlKey...)
		c.text = append(c.text, "https://www.nexmark.com/"...)
		for word := range uint64(3) {
			c.text = g.appendWord(c.text, s, 16*(word+1), maxURLWord, '_')
			c.text = append(c.text, '/')
		}
		c.text = append(c.text, "item.htm?query=1"...)
		if number >= 0 && draw.Below32(uint32(s.Draw(0)), 10) > 0 {
			c.text = append(c.text, "&channel_id="...)
			c.text = strconv.AppendInt(c.text, channelID(uint32(number)), 10)
		}
		c.spans[i] = channelSpan{uint32(start), uint16(name), uint16(len(c.text) - start)}
	}
	return c
}

// channelID gives the absolute value of the number's 32 bits in reverse order. As
// in the benchmark, that of channel 1 stays negative: -2^31 has none in 32 bits.
func channelID(number uint32) int64 {
	id := int32(bits.Reverse32(number))
	if id < 0 {
		id = -id
	}
	return int64(id)
}

// anyChannel chooses the index of a bid's channel.
func anyChannel(r uint32) int {
	// The highest bit decides between hot and cold, the others choose.
	if r>>31 == 0 {
		return int(draw.Below32(r<<1, hotChannels))
	}
	return hotChannels + int(draw.Below32(r<<1, coldChannels))
}

// json gives name","url":"URL of the channel.
func (c *channels) json(i int) []byte {
	s := c.spans[i]
	return c.text[s.start : s.start+uint32(s.all)]
}

// name gives the channel's name.
func (c *channels) name(i int) []byte {
	s := c.spans[i]
	return c.text[s.start : s.start+uint32(s.name)]
}

// url gives the channel's URL.
func (c *channels) url(i int) []byte {
	s := c.spans[i]
	return c.text[s.start+uint32(s.name)+uint32(len(urlKey)) : s.start+uint32(s.all)]
}
