package columns

// Compact takes some of the last slots out: of those from slot from on the ones that
// drop names, by their number from there. Those behind them move up.
func (c *Column) Compact(from int, drop []bool) {
	to, rows := from, min(c.rows, from+len(drop))
	var inner []bool // of the element slots from first on
	first := c.elems
	if c.kind == storeList || c.kind == storeMap {
		if rows > from {
			first = int(c.offsets[from])
		}
		inner = make([]bool, c.elems-first)
	}
	for i := from; i < rows; i++ {
		if drop[i-from] {
			if inner != nil {
				for e := int(c.offsets[i]); e < int(c.offsets[i+1]); e++ {
					inner[e-first] = true
				}
			}
			continue
		}
		c.move(i, to)
		to++
	}
	if rows > from {
		c.shrink(to)
	}
	switch c.kind {
	case storeRow:
		for _, child := range c.children {
			child.Compact(from, drop)
		}
	case storeList, storeMap:
		for _, child := range c.children {
			child.Compact(first, inner)
		}
		for _, gone := range inner {
			if gone {
				c.elems--
			}
		}
	}
}

// CompactElems is Compact of the element slots, which may belong to a list that has not
// been put yet.
func (c *Column) CompactElems(from int, drop []bool) {
	for _, child := range c.children {
		child.Compact(from, drop)
	}
}

// move writes what slot i has to slot to, which is not behind it; members and elements
// stay where they are.
func (c *Column) move(i, to int) {
	if i == to {
		return
	}
	copyBit(c.valid, i, to)
	switch c.kind {
	case storeBits:
		copyBit(c.fixed, i, to)
	case storeFixed:
		copy(c.fixed[to*c.width:(to+1)*c.width], c.fixed[i*c.width:])
	case storeBytes:
		start := int(c.offsets[to])
		n := copy(c.data[start:], c.data[c.offsets[i]:c.offsets[i+1]])
		c.offsets[to+1] = int32(start + n)
	case storeList, storeMap:
		c.offsets[to+1] = c.offsets[to] + c.offsets[i+1] - c.offsets[i]
	}
}

// shrink takes back the slots from i on, but no members and elements.
func (c *Column) shrink(i int) {
	clearBits(c.valid, i, c.rows)
	switch c.kind {
	case storeBits:
		clearBits(c.fixed, i, c.rows)
	case storeFixed:
		clear(c.fixed[i*c.width : c.rows*c.width])
	case storeBytes:
		c.used = int(c.offsets[i])
	}
	c.rows = i
}

func copyBit(bits []byte, from, to int) {
	bits[to>>3] &^= 1 << (to & 7)
	bits[to>>3] |= bits[from>>3] >> (from & 7) & 1 << (to & 7)
}
