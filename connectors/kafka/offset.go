package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/kafka/wire"
)

// place is where a partition's reader stands, as it is kept in commits.
type place struct {
	topic wire.ID // zero: the broker didn't say
	next  int64   // offset of the next record
	stop  int64   // of a bounded source: where it ends, exclusive; -1: nowhere
}

const placeVersion = 1

// encode gives: version, 16 bytes topic ID, uvarints next and stop+1.
func (p place) encode() connectors.Offset {
	b := make([]byte, 0, 32)
	b = append(b, placeVersion)
	b = append(b, p.topic[:]...)
	b = binary.AppendUvarint(b, uint64(p.next))
	return binary.AppendUvarint(b, uint64(p.stop+1))
}

var errPlace = errors.New("damaged offset of a Kafka source")

func decodePlace(b connectors.Offset) (place, error) {
	p := place{}
	if len(b) < 1 {
		return p, errPlace
	}
	if b[0] != placeVersion {
		return p, fmt.Errorf("offset of a Kafka source has version %d, this program knows %d", b[0], placeVersion)
	}
	b = b[1:]
	if len(b) < len(p.topic) {
		return p, errPlace
	}
	copy(p.topic[:], b)
	b = b[len(p.topic):]
	next, n := binary.Uvarint(b)
	if n <= 0 {
		return p, errPlace
	}
	stop, m := binary.Uvarint(b[n:])
	if m <= 0 || n+m != len(b) {
		return p, errPlace
	}
	p.next, p.stop = int64(next), int64(stop)-1
	if p.next < 0 || p.stop < -1 {
		return p, errPlace
	}
	return p, nil
}

// splitID names a partition. The number has leading zeros, so that the order of
// IDs is that of partitions.
func splitID(topic string, partition int32) string { return fmt.Sprintf("%s/%05d", topic, partition) }

func parseSplitID(id string) (wire.TopicPartition, error) {
	topic, number, ok := strings.Cut(id, "/")
	n, err := strconv.ParseInt(number, 10, 32)
	if !ok || err != nil || n < 0 || splitID(topic, int32(n)) != id {
		return wire.TopicPartition{}, fmt.Errorf("no partition %q", id)
	}
	return wire.TopicPartition{Topic: topic, Partition: int32(n)}, nil
}

func name(tp wire.TopicPartition) string { return fmt.Sprintf("%s/%d", tp.Topic, tp.Partition) }
