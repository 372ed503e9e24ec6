package datagen

import (
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/connectors/datagen/draw"
)

// timeline gives the time of each row: base + n * step.
type timeline struct {
	base int64 // us since 1970
	// A step is steps / per us.
	steps, per int64
}

// newTimeline gives the timeline with a step (in whole us from a millisecond up), or with so many rows a second if the
// step is 0.
func newTimeline(base time.Time, step time.Duration, rowsPerSecond int64) timeline {
	switch {
	case step >= time.Millisecond || step > 0 && step%time.Microsecond == 0:
		return timeline{base.UnixMicro(), step.Microseconds(), 1}
	case step > 0:
		return timeline{base.UnixMicro(), int64(step), 1000}
	case rowsPerSecond > 0:
		return timeline{base.UnixMicro(), 1_000_000, rowsPerSecond}
	default:
		return timeline{base.UnixMicro(), 1000, 1}
	}
}

// at gives the time of row n, us since 1970.
func (t timeline) at(n int64) int64 {
	// The quotient apart, so that the product stays small.
	q := n / t.per
	return t.base + q*t.steps + (n-q*t.per)*t.steps/t.per
}

const microsPerDay = 86_400_000_000

// timestamps are the row's time less a random time of up to past.
type timestamps struct {
	base
	timeline timeline
	past     uint64 // us
	unit     int64  // us to which values are cut
}

func (b *timestamps) fill(alloc memory.Allocator, c cells) arrow.Array {
	buffer, values := fixed[int64](alloc, c.len())
	for i := range values {
		values[i] = floorTo(b.at(c, i), b.unit)
	}
	return b.finish(alloc, c.len(), b.absent(c), []*memory.Buffer{buffer}, nil)
}

// at gives the time of cell i.
func (b *timestamps) at(c cells, i int) int64 {
	at := b.timeline.at(c.rows[i])
	if b.past > 0 {
		at -= int64(draw.Below64(b.stream(c, i).Draw(valueDraw), b.past+1))
	}
	return at
}

func (b *timestamps) bytes() int { return 8 }

// dates are the days of timestamps.
type dates struct{ timestamps }

func (b *dates) fill(alloc memory.Allocator, c cells) arrow.Array {
	buffer, values := fixed[int32](alloc, c.len())
	for i := range values {
		values[i] = int32(floorTo(b.at(c, i), microsPerDay) / microsPerDay)
	}
	return b.finish(alloc, c.len(), b.absent(c), []*memory.Buffer{buffer}, nil)
}

// timesOfDay are the times of day of timestamps.
type timesOfDay struct{ timestamps }

func (b *timesOfDay) fill(alloc memory.Allocator, c cells) arrow.Array {
	buffer, values := fixed[int64](alloc, c.len())
	for i := range values {
		at := b.at(c, i)
		values[i] = floorTo(at-floorTo(at, microsPerDay), b.unit)
	}
	return b.finish(alloc, c.len(), b.absent(c), []*memory.Buffer{buffer}, nil)
}

// floorTo rounds v down to a multiple of unit.
func floorTo(v, unit int64) int64 {
	r := v % unit
	if r < 0 {
		r += unit
	}
	return v - r
}
