package statestore

import (
	"encoding/binary"
	"fmt"

	"github.com/zeebo/xxh3"
)

// NumKeyGroups is the fixed number of key groups that keys are hashed to. A
// shard owns a contiguous range of them.
const NumKeyGroups = 256

// OperatorID names an operator across restarts: a hash of its canonical logical
// subtree, made by the planner.
type OperatorID uint64

// StreamID names one stream of blocks within a shard: one table of an operator
// (Part), or one time bucket of it (Bucket; 0 where a table has no buckets).
type StreamID struct {
	Operator OperatorID
	Part     uint32
	Bucket   int64
}

// String is the form used in error messages.
func (id StreamID) String() string {
	return fmt.Sprintf("operator %016x part %d bucket %d", uint64(id.Operator), id.Part, id.Bucket)
}

func (id StreamID) less(o StreamID) bool {
	if id.Operator != o.Operator {
		return id.Operator < o.Operator
	}
	if id.Part != o.Part {
		return id.Part < o.Part
	}
	return id.Bucket < o.Bucket
}

// Layout says how the key groups are spread over the shards of a job. Two
// layouts with the same number of shards are the same layout.
type Layout struct {
	Shards int // 1..NumKeyGroups
}

// KeyGroups is a half-open range of key groups.
type KeyGroups struct {
	From, To int
}

// Contains reports whether group g lies in the range.
func (k KeyGroups) Contains(g int) bool { return g >= k.From && g < k.To }

// Overlaps reports whether the two ranges share a group.
func (k KeyGroups) Overlaps(o KeyGroups) bool { return k.From < o.To && o.From < k.To }

// KeyGroups returns the range that shard i owns.
func (l Layout) KeyGroups(i int) KeyGroups {
	return KeyGroups{From: (i*NumKeyGroups + l.Shards - 1) / l.Shards, To: ((i+1)*NumKeyGroups + l.Shards - 1) / l.Shards}
}

// ShardOf returns the shard that owns key group g.
func (l Layout) ShardOf(g int) int { return g * l.Shards / NumKeyGroups }

// Overlapping returns the shards of l that own a group of k, in order.
func (l Layout) Overlapping(k KeyGroups) []int {
	var shards []int
	for i := range l.Shards {
		if l.KeyGroups(i).Overlaps(k) {
			shards = append(shards, i)
		}
	}
	return shards
}

func (l Layout) check() error {
	if l.Shards < 1 || l.Shards > NumKeyGroups {
		return fmt.Errorf("statestore: %d shards; want 1 to %d", l.Shards, NumKeyGroups)
	}
	return nil
}

const (
	kindBlock    = 0x01
	kindMeta     = 0x02
	kindRecord   = 0xff
	blockKeySize = 8 + 1 + 2 + 2 + 8 + 4 + 8 + 4
	sumSize      = 8
)

// appendBlockPrefix appends the part of a block key that all blocks of a stream
// within one run of a shard's commit share.
func appendBlockPrefix(dst []byte, epoch uint64, shard, run int, id StreamID) []byte {
	dst = binary.BigEndian.AppendUint64(dst, epoch)
	dst = append(dst, kindBlock)
	dst = binary.BigEndian.AppendUint16(dst, uint16(shard))
	dst = binary.BigEndian.AppendUint16(dst, uint16(run))
	dst = binary.BigEndian.AppendUint64(dst, uint64(id.Operator))
	dst = binary.BigEndian.AppendUint32(dst, id.Part)
	return binary.BigEndian.AppendUint64(dst, uint64(id.Bucket)^1<<63)
}

func metaKey(epoch uint64, name string) []byte {
	return append(append(binary.BigEndian.AppendUint64(nil, epoch), kindMeta), name...)
}

func recordKey(epoch uint64) []byte {
	return append(binary.BigEndian.AppendUint64(nil, epoch), kindRecord)
}

// epochKey is a lower bound of all keys of an epoch.
func epochKey(epoch uint64) []byte { return binary.BigEndian.AppendUint64(nil, epoch) }

// checksum covers the key as well as the value, so that a value that turns up
// under another key is noticed.
func checksum(key, value []byte) uint64 {
	return xxh3.HashSeed(value, xxh3.Hash(key))
}
