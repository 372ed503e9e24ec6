package wire

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/segmentio/kafka-go/protocol"
)

// The requests of this package.
const (
	keyProduce     protocol.ApiKey = 0
	keyFetch       protocol.ApiKey = 1
	keyListOffsets protocol.ApiKey = 2
	keyMetadata    protocol.ApiKey = 3
	keyAPIVersions protocol.ApiKey = 18

	keyDescribeTransactions protocol.ApiKey = 65
)

// exchange is a request and its response as bytes. kafka-go's Transport sends it to
// the broker of that number (-1: any).
type exchange struct {
	key      protocol.ApiKey
	version  int16
	broker   int32
	clientID string
	flex     bool
	body     []byte
	tail     [][]byte // what follows body, not copied
	// memory gives room for a response of n bytes. The exchange may go on after its
	// caller has given up, so the memory is the exchange's until it returns.
	memory func(n int) []byte
	answer []byte
}

var (
	_ protocol.RawExchanger  = (*exchange)(nil)
	_ protocol.BrokerMessage = (*exchange)(nil)
)

// ApiKey implements protocol.Message.
func (x *exchange) ApiKey() protocol.ApiKey { return x.key }

// Broker implements protocol.BrokerMessage.
func (x *exchange) Broker(protocol.Cluster) (protocol.Broker, error) {
	return protocol.Broker{ID: x.broker}, nil
}

// Required implements protocol.RawExchanger.
func (x *exchange) Required(map[protocol.ApiKey]int16) bool { return true }

// maxResponse bounds what a broker may announce: more is no Kafka.
const maxResponse = 1 << 30

const correlation = 1 // there is one request at a time on a connection

// copyBelow bounds what is copied to be sent with one write.
const copyBelow = 32 << 10

func (x *exchange) tailSize() int {
	n := 0
	for _, b := range x.tail {
		n += len(b)
	}
	return n
}

// RawExchange implements protocol.RawExchanger.
func (x *exchange) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	head := request{b: make([]byte, 4, 64+len(x.clientID)+len(x.body)+min(x.tailSize(), copyBelow))}
	head.int16(int16(x.key))
	head.int16(x.version)
	head.int32(correlation)
	head.string(x.clientID) // not compact even in flexible headers
	head.flex = x.flex
	head.tags()
	head.b = append(head.b, x.body...)
	size := len(head.b) - 4 + x.tailSize()
	binary.BigEndian.PutUint32(head.b, uint32(size))
	// What is small is copied together: each write is a packet, for which the
	// broker wakes.
	for _, b := range x.tail {
		if len(head.b)+len(b) <= copyBelow {
			head.b = append(head.b, b...)
			continue
		}
		for _, b := range [][]byte{head.b, b} {
			if len(b) > 0 {
				if _, err := rw.Write(b); err != nil {
					return nil, err
				}
			}
		}
		head.b = head.b[:0]
	}
	if len(head.b) > 0 {
		if _, err := rw.Write(head.b); err != nil {
			return nil, err
		}
	}
	var start [8]byte
	if _, err := io.ReadFull(rw, start[:]); err != nil {
		return nil, broken(err)
	}
	n := int32(binary.BigEndian.Uint32(start[:]))
	if n < 4 || n > maxResponse || binary.BigEndian.Uint32(start[4:]) != correlation {
		return nil, fmt.Errorf("%w: it announces %d bytes", errResponse, n)
	}
	x.answer = x.memory(int(n) - 4)[:n-4]
	if _, err := io.ReadFull(rw, x.answer); err != nil {
		return nil, broken(err)
	}
	return x, nil
}

func broken(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the broker has closed the connection")
	}
	return err
}

// do sends a request and gives the bytes of the response.
func (c *Client) do(ctx context.Context, x *exchange) (*response, error) {
	x.clientID = c.cfg.ClientID
	if x.memory == nil {
		x.memory = func(n int) []byte { return make([]byte, n) }
	}
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.cfg.RequestTimeout)
		defer cancel()
	}
	m, err := c.transport.RoundTrip(ctx, c.addr, x)
	if err != nil {
		return nil, c.explain(err)
	}
	all := m.(*exchange).answer
	r := &response{b: all, all: all, flex: x.flex}
	r.tags() // the header's; ApiVersions, which has none, is not sent flexible
	return r, nil
}
