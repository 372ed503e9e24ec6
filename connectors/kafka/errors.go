package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/segmentio/kafka-go"

	"github.com/streamsql/streamsql/connectors/kafka/wire"
)

var errClosed = errors.New("the source is closed")

// Error codes that kafka-go has no names for.
const (
	codeFencedLeaderEpoch   kafka.Error = 74
	codeUnknownLeaderEpoch  kafka.Error = 75
	codeUnknownTopicID      kafka.Error = 100
	codeInconsistentTopicID kafka.Error = 103
)

func isUnknownTopic(err error) bool {
	return errors.Is(err, kafka.UnknownTopicOrPartition) || errors.Is(err, codeUnknownTopicID)
}

// fatal says whether trying again is no use.
func fatal(err error) bool {
	var auth *wire.AuthError
	var missing *missingTopicError
	var loss *DataLossError
	var record tls.RecordHeaderError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &auth), errors.As(err, &missing), errors.As(err, &loss), errors.As(err, &record), errors.As(err, &certificate), errors.Is(err, errClosed), errors.Is(err, context.Canceled):
		return true
	case refusesCertificate(err):
		return true
	}
	for _, code := range []kafka.Error{kafka.TopicAuthorizationFailed, kafka.GroupAuthorizationFailed, kafka.ClusterAuthorizationFailed,
		kafka.InvalidTopic, kafka.SASLAuthenticationFailed, kafka.UnsupportedSASLMechanism, kafka.UnsupportedForMessageFormat} {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}

// refusesCertificate says whether a broker has ended a TLS handshake: it wants a
// certificate of the client, or another one.
func refusesCertificate(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error" && strings.Contains(op.Err.Error(), "certificate")
}

// named adds to an error that ends a job which options it is about, where it does not
// say so itself.
func named(err error) error {
	if !refusesCertificate(err) {
		return err
	}
	return fmt.Errorf("the broker refuses the client's certificate, or there is none: %w\n  hint: '%s' with '%s', or '%s', is what it sees", err, optCertificate, optKey, optKeystore)
}

// DataLossError says that records are gone before they were read, and
// 'fail-on-data-loss' is true.
type DataLossError struct {
	Partition string // "topic/3"
	What      string
}

// Error implements error.
func (e *DataLossError) Error() string {
	return fmt.Sprintf("%s: %s\n  hint: '%s' = 'false' goes on with what is there and counts what is not", e.Partition, e.What, optDataLoss)
}

// damagedError says that a batch can't be read though the broker has checked it.
type damagedError struct {
	partition string
	err       error
}

func (e *damagedError) Error() string { return fmt.Sprintf("%s: %v", e.partition, e.err) }
func (e *damagedError) Unwrap() error { return e.err }
