//go:build unix

package kafka

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/streamsql/streamsql/internal/testservice"
)

// allow lets alice do something, and wait until that is so; disallow takes it back.
func allow(t *testing.T, k *testservice.Kafka, kind kafka.ResourceType, name string, pattern kafka.PatternType, what kafka.ACLOperationType) {
	t.Helper()
	r, err := k.Client().CreateACLs(t.Context(), &kafka.CreateACLsRequest{ACLs: []kafka.ACLEntry{{ResourceType: kind, ResourceName: name, ResourcePatternType: pattern,
		Principal: "User:alice", Host: "*", Operation: what, PermissionType: kafka.ACLPermissionTypeAllow}}})
	if err != nil || r.Errors[0] != nil {
		t.Fatal(err, r)
	}
	time.Sleep(200 * time.Millisecond)
}

func disallow(t *testing.T, k *testservice.Kafka, kind kafka.ResourceType, name string, what kafka.ACLOperationType) {
	t.Helper()
	r, err := k.Client().DeleteACLs(t.Context(), &kafka.DeleteACLsRequest{Filters: []kafka.DeleteACLsFilter{{ResourceTypeFilter: kind, ResourceNameFilter: name, ResourcePatternTypeFilter: kafka.PatternTypeLiteral,
		PrincipalFilter: "User:alice", HostFilter: "*", Operation: what, PermissionType: kafka.ACLPermissionTypeAllow}}})
	if err != nil || r.Results[0].Error != nil || len(r.Results[0].MatchingACLs) != 1 {
		t.Fatal(err, r)
	}
}

// TestNotAllowed: a user without the rights gets told which one is missing, at the start
// and when it is taken away while the job runs, and the job goes on where it was once it
// is there. The rights that it takes are those that the documentation names.
func TestNotAllowed(t *testing.T) {
	k := testservice.OwnKafka(t, testservice.KafkaConfig{Secure: true, Properties: map[string]string{
		"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer", "super.users": "User:ANONYMOUS"}})
	topics(t, k, 1, "in", "exact", "least")
	own := *k
	own.Addr = k.SASL
	w := newWorld(t, &own)
	secure := fmt.Sprintf("$KAFKA, 'properties.security.protocol' = 'SASL_SSL', 'properties.sasl.mechanism' = 'PLAIN', 'properties.sasl.username' = 'alice', "+
		"'properties.sasl.password' = 'secret', 'properties.ssl.truststore.location' = '%s', 'properties.default.api.timeout.ms' = '2 s'", k.Certs.CA)
	script := strings.ReplaceAll(strings.Replace(twice, "'topic' = 'in'", "'topic' = 'in', 'properties.group.id' = 'readers'", 1), "$KAFKA", secure)
	refused := func(want string) {
		t.Helper()
		if err := w.start(script).wait(); err == nil || !strings.Contains(err.Error(), want) {
			t.Fatalf("the error is %v, want %s", err, want)
		}
	}
	produce(t, k.Addr, "in", 0, 0, 100)
	const topic, group, transaction = kafka.ResourceTypeTopic, kafka.ResourceTypeGroup, kafka.ResourceTypeTransactionalID
	const literal, prefixed = kafka.PatternTypeLiteral, kafka.PatternTypePrefixed
	refused("source s: topic 'in': [29] Topic Authorization Failed")
	allow(t, k, topic, "in", literal, kafka.ACLOperationTypeRead)
	refused("sink exact: topic 'exact': [29] Topic Authorization Failed")
	allow(t, k, topic, "exact", literal, kafka.ACLOperationTypeWrite)
	allow(t, k, topic, "least", literal, kafka.ACLOperationTypeWrite)
	refused("the user needs READ on group streamsql-")
	allow(t, k, group, "streamsql-", prefixed, kafka.ACLOperationTypeRead)
	refused("the user needs WRITE and DESCRIBE on transactional id streamsql-")
	allow(t, k, transaction, "streamsql-", prefixed, kafka.ACLOperationTypeWrite)
	refused("the user needs READ on topic exact")
	allow(t, k, topic, "exact", literal, kafka.ACLOperationTypeRead)
	r := w.start(script)
	r.untilRows("out", 100)
	disallow(t, k, topic, "exact", kafka.ACLOperationTypeWrite)
	produce(t, k.Addr, "in", 0, 100, 100)
	if err := r.wait(); err == nil || !strings.Contains(err.Error(), "Authorization Failed") {
		t.Fatalf("the error is %v", err)
	}
	// That offsets are told to a group is no reason to stop.
	if !strings.Contains(w.log.String(), "the consumer group can't be told how far the source has been read") {
		t.Errorf("no word of the group: %s", w.log)
	}
	allow(t, k, topic, "exact", literal, kafka.ACLOperationTypeWrite)
	r = w.start(script)
	r.untilRows("out", 200)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	same(t, "exact", written(t, k, "exact"), numbers(0, 200))
	same(t, "least", slices.Compact(written(t, k, "least")), numbers(0, 200))
}
