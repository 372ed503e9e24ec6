//go:build unix

package testservice

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
)

// KafkaConfig says what cluster to start.
type KafkaConfig struct {
	Brokers int // 1 or 3; 0: 1
	// Secure adds a SASL_SSL listener (PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512; user
	// alice, password secret) and an SSL one that wants a client's certificate.
	Secure bool
	// Proxied adds a listener whose clients go through a Proxy to each broker.
	Proxied bool
	// Properties are added to every broker's server.properties.
	Properties map[string]string
	// JVM are the options of the brokers' virtual machines; nil: those that start
	// fast and take little memory.
	JVM []string
}

// Kafka is a cluster of real brokers.
type Kafka struct {
	// Addr lists the plain listeners, SASL those with SASL_SSL, SSL those with
	// client certificates: host:port, comma-separated.
	Addr, SASL, SSL string
	// Proxied lists the proxies of a Proxied cluster, in order of the brokers.
	Proxied string
	Proxies []*Proxy
	// Certs are the certificates of a Secure cluster.
	Certs *Certificates

	dir, jars string
	cfg       KafkaConfig
	brokers   []*kafkaBroker
	client    *kafka.Client
	transport *kafka.Transport
}

type kafkaBroker struct {
	dir                                   string
	plain, controller, sasl, tls, proxied int // ports
	process                               *Process
}

// Formatting needs a cluster's ID, starting three brokers a common one.
const kafkaClusterID = "AAAAAAAAAAAAAAAAAAAAAQ"

// StartKafka starts a cluster on new data below dir and waits until it serves.
func StartKafka(dir string, cfg KafkaConfig) (*Kafka, error) {
	jars, err := kafkaJars()
	if err != nil {
		return nil, err
	}
	k := &Kafka{dir: dir, jars: jars, cfg: cfg}
	n := max(1, cfg.Brokers)
	ports, err := freePorts(5 * n)
	if err != nil {
		return nil, err
	}
	var plain, sasl, tls []string
	for i := range n {
		b := &kafkaBroker{dir: filepath.Join(dir, "broker"+strconv.Itoa(i+1)),
			plain: ports[5*i], controller: ports[5*i+1], sasl: ports[5*i+2], tls: ports[5*i+3], proxied: ports[5*i+4]}
		k.brokers = append(k.brokers, b)
		plain, sasl, tls = append(plain, local(b.plain)), append(sasl, local(b.sasl)), append(tls, local(b.tls))
	}
	k.Addr = strings.Join(plain, ",")
	if cfg.Proxied {
		if err := k.startProxies(); err != nil {
			return nil, err
		}
	}
	if cfg.Secure {
		k.SASL, k.SSL = strings.Join(sasl, ","), strings.Join(tls, ",")
		if k.Certs, err = NewCertificates(filepath.Join(dir, "certs")); err != nil {
			return nil, err
		}
	}
	for i, b := range k.brokers {
		if err := os.MkdirAll(b.dir, 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(b.config(), []byte(k.properties(i)), 0o644); err != nil {
			return nil, err
		}
		format := []string{"kafka.tools.StorageTool", "format", "-t", kafkaClusterID, "-c", b.config()}
		if cfg.Secure {
			format = append(format, "--add-scram", "SCRAM-SHA-256=[name=alice,password=secret]",
				"--add-scram", "SCRAM-SHA-512=[name=alice,password=secret]")
		}
		if out, err := k.java(format...).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("formatting Kafka's storage: %w: %s", err, out)
		}
	}
	k.transport = &kafka.Transport{MetadataTTL: 200 * time.Millisecond}
	k.client = &kafka.Client{Addr: kafka.TCP(plain...), Timeout: 30 * time.Second, Transport: k.transport}
	for i := range k.brokers {
		if err := k.start(i); err != nil {
			k.Close()
			return nil, err
		}
	}
	if err := k.WaitReady(); err != nil {
		k.Close()
		return nil, err
	}
	return k, nil
}

func (k *Kafka) startProxies() error {
	var all []string
	for i, b := range k.brokers {
		p, err := StartProxy(local(b.proxied), uint64(i))
		if err != nil {
			return err
		}
		k.Proxies, all = append(k.Proxies, p), append(all, p.Addr)
	}
	k.Proxied = strings.Join(all, ",")
	return nil
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func (b *kafkaBroker) config() string { return filepath.Join(b.dir, "server.properties") }

// properties is the configuration of broker i. Retention by time is off, for
// records may have any timestamp; sessions are short, so that a broker that was
// killed is taken back soon.
func (k *Kafka) properties(i int) string {
	b := k.brokers[i]
	replicas, isr := 1, 1
	if len(k.brokers) > 1 {
		replicas, isr = 3, 2
	}
	var voters []string
	for j, o := range k.brokers {
		voters = append(voters, fmt.Sprintf("%d@%s", j+1, local(o.controller)))
	}
	listeners := fmt.Sprintf("PLAINTEXT://%s,CONTROLLER://%s", local(b.plain), local(b.controller))
	p := map[string]string{}
	protocols := "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"
	if k.cfg.Secure {
		listeners += fmt.Sprintf(",SASL_SSL://%s,SSL://%s", local(b.sasl), local(b.tls))
		protocols += ",SASL_SSL:SASL_SSL,SSL:SSL"
		module := func(name string) string { return "org.apache.kafka.common.security." + name + " required" }
		for key, value := range map[string]string{
			"sasl.enabled.mechanisms":                               "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
			"listener.name.sasl_ssl.plain.sasl.jaas.config":         module("plain.PlainLoginModule") + ` user_alice="secret";`,
			"listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config": module("scram.ScramLoginModule") + ";",
			"listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": module("scram.ScramLoginModule") + ";",
			"ssl.keystore.type":                                     "PEM",
			"ssl.keystore.location":                                 k.Certs.Server,
			"ssl.truststore.type":                                   "PEM",
			"ssl.truststore.location":                               k.Certs.CA,
			"listener.name.ssl.ssl.client.auth":                     "required",
		} {
			p[key] = value
		}
	}
	if k.cfg.Proxied {
		listeners += ",PROXIED://" + local(b.proxied)
		protocols += ",PROXIED:PLAINTEXT"
		advertised := fmt.Sprintf("PLAINTEXT://%s,PROXIED://%s", local(b.plain), k.Proxies[i].Addr)
		if k.cfg.Secure {
			advertised += fmt.Sprintf(",SASL_SSL://%s,SSL://%s", local(b.sasl), local(b.tls))
		}
		p["advertised.listeners"] = advertised
	}
	for key, value := range map[string]string{
		"process.roles":                                    "broker,controller",
		"node.id":                                          strconv.Itoa(i + 1),
		"controller.quorum.voters":                         strings.Join(voters, ","),
		"listeners":                                        listeners,
		"listener.security.protocol.map":                   protocols,
		"controller.listener.names":                        "CONTROLLER",
		"inter.broker.listener.name":                       "PLAINTEXT",
		"log.dirs":                                         filepath.Join(b.dir, "data"),
		"auto.create.topics.enable":                        "false",
		"default.replication.factor":                       strconv.Itoa(replicas),
		"min.insync.replicas":                              strconv.Itoa(isr),
		"offsets.topic.replication.factor":                 strconv.Itoa(replicas),
		"offsets.topic.num.partitions":                     "4",
		"transaction.state.log.replication.factor":         strconv.Itoa(replicas),
		"transaction.state.log.min.isr":                    strconv.Itoa(isr),
		"transaction.state.log.num.partitions":             "4",
		"share.coordinator.state.topic.replication.factor": strconv.Itoa(replicas),
		"share.coordinator.state.topic.min.isr":            strconv.Itoa(isr),
		"group.initial.rebalance.delay.ms":                 "0",
		"broker.session.timeout.ms":                        "3000",
		"broker.heartbeat.interval.ms":                     "500",
		"controller.quorum.fetch.timeout.ms":               "1000",
		"controller.quorum.election.timeout.ms":            "500",
		"log.retention.ms":                                 "-1",
		"log.message.timestamp.after.max.ms":               "9223372036854775807",
		"log.cleaner.dedupe.buffer.size":                   "4194304",
		"log.retention.check.interval.ms":                  "500",
		"log.initial.task.delay.ms":                        "500",
		"log.segment.delete.delay.ms":                      "100",
		"log.cleaner.backoff.ms":                           "500",
		"num.network.threads":                              "2",
		"num.io.threads":                                   "2",
	} {
		p[key] = value
	}
	for key, value := range k.cfg.Properties {
		p[key] = value
	}
	var text strings.Builder
	for key, value := range p {
		fmt.Fprintf(&text, "%s=%s\n", key, value)
	}
	return text.String()
}

// smallJVM are the options of programs that run for a short time.
var smallJVM = []string{"-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx256m"}

func javaArgs(jvm []string, args ...string) []string {
	return slices.Concat(jvm, []string{"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"}, args)
}

func (k *Kafka) java(args ...string) *exec.Cmd {
	cmd := exec.Command("java", javaArgs(smallJVM, args...)...)
	cmd.Env = append(os.Environ(), "CLASSPATH="+filepath.Join(k.jars, "*"))
	return cmd
}

func (k *Kafka) start(i int) error {
	b := k.brokers[i]
	jvm := k.cfg.JVM
	if jvm == nil {
		jvm = smallJVM
	}
	p, err := startProcess(filepath.Join(b.dir, "log"), []string{"CLASSPATH=" + filepath.Join(k.jars, "*")},
		"java", javaArgs(jvm, "kafka.Kafka", b.config())...)
	b.process = p
	return err
}

// patience is how long a service may take to serve.
const patience = 90 * time.Second

// WaitReady waits until every broker that runs is known to the cluster.
func (k *Kafka) WaitReady() error {
	deadline := time.Now().Add(patience)
	running := 0
	for i, b := range k.brokers {
		if b.process == nil {
			continue
		}
		running++
		for !dials(b.plain) {
			if !b.process.Running() {
				return fmt.Errorf("kafka broker %d has ended: %w\n%s", i+1, b.process.err, b.process.tail())
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("kafka broker %d does not serve after %s\n%s", i+1, patience, b.process.tail())
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	for {
		k.transport.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		m, err := k.client.Metadata(ctx, &kafka.MetadataRequest{})
		cancel()
		if err == nil && len(m.Brokers) >= running {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("kafka lists too few brokers after %s: %v", patience, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func dials(port int) bool {
	c, err := net.DialTimeout("tcp", local(port), time.Second)
	if err != nil {
		return false
	}
	return c.Close() == nil
}

// Broker gives the process of broker i, counted from 0.
func (k *Kafka) Broker(i int) *Process { return k.brokers[i].process }

// Restart starts broker i, which has ended, on its data, and waits until it serves.
func (k *Kafka) Restart(i int) error {
	if k.brokers[i].process.Running() {
		return errors.New("the broker still runs")
	}
	if err := k.start(i); err != nil {
		return err
	}
	return k.WaitReady()
}

// Client is a client of the plain listeners.
func (k *Kafka) Client() *kafka.Client { return k.client }

// Tool runs one of Kafka's own programs against the cluster:
// Tool("org.apache.kafka.tools.GetOffsetShell", "--topic", "t").
func (k *Kafka) Tool(class string, args ...string) *exec.Cmd {
	return k.java(append([]string{class, "--bootstrap-server", k.Addr}, args...)...)
}

// CreateTopic makes a topic with settings such as "cleanup.policy=compact".
func (k *Kafka) CreateTopic(t testing.TB, topic string, partitions int, settings ...string) {
	t.Helper()
	if err := k.NewTopic(topic, partitions, settings...); err != nil {
		t.Fatal(err)
	}
}

// NewTopic is CreateTopic where there is no test.
func (k *Kafka) NewTopic(topic string, partitions int, settings ...string) error {
	c := kafka.TopicConfig{Topic: topic, NumPartitions: partitions, ReplicationFactor: min(3, len(k.brokers))}
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		c.ConfigEntries = append(c.ConfigEntries, kafka.ConfigEntry{ConfigName: name, ConfigValue: value})
	}
	// On a busy machine the controller may miss a broker for a moment.
	for deadline := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		r, err := k.client.CreateTopics(context.Background(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{c}})
		if err == nil {
			err = r.Errors[topic]
		}
		if err == nil {
			return nil
		}
		if !errors.Is(err, kafka.InvalidReplicationFactor) || time.Now().After(deadline) {
			return fmt.Errorf("creating topic %s: %w", topic, err)
		}
	}
}

// DeleteTopic removes a topic.
func (k *Kafka) DeleteTopic(t testing.TB, topic string) {
	t.Helper()
	if err := k.DropTopic(topic); err != nil {
		t.Fatal(err)
	}
}

// DropTopic is DeleteTopic where there is no test.
func (k *Kafka) DropTopic(topic string) error {
	r, err := k.client.DeleteTopics(context.Background(), &kafka.DeleteTopicsRequest{Topics: []string{topic}})
	if err == nil {
		err = r.Errors[topic]
	}
	if err != nil {
		return fmt.Errorf("deleting topic %s: %w", topic, err)
	}
	return nil
}

// AddPartitions raises a topic's number of partitions to n.
func (k *Kafka) AddPartitions(t testing.TB, topic string, n int) {
	t.Helper()
	r, err := k.client.CreatePartitions(context.Background(), &kafka.CreatePartitionsRequest{
		Topics: []kafka.TopicPartitionsConfig{{Name: topic, Count: int32(n)}}})
	if err == nil {
		err = r.Errors[topic]
	}
	if err != nil {
		t.Fatalf("adding partitions to %s: %v", topic, err)
	}
}

// Close ends all brokers at once.
func (k *Kafka) Close() {
	for _, p := range k.Proxies {
		p.Close()
	}
	for _, b := range k.brokers {
		if b.process != nil {
			b.process.Kill()
		}
	}
	if k.transport != nil {
		k.transport.CloseIdleConnections()
	}
}

var shared struct {
	sync.Mutex
	clusters map[string]*Kafka
	errs     map[string]error
}

// SharedKafka gives the cluster of that configuration that all tests of the
// package share; the first call starts it, Main ends it. Tests take topics of
// their own and leave it running.
func SharedKafka(t testing.TB, cfg KafkaConfig) *Kafka {
	t.Helper()
	key := fmt.Sprint(cfg)
	shared.Lock()
	defer shared.Unlock()
	if shared.clusters == nil {
		shared.clusters, shared.errs = map[string]*Kafka{}, map[string]error{}
	}
	if k, err := shared.clusters[key], shared.errs[key]; k != nil || err != nil {
		Require(t, err)
		return k
	}
	dir, err := os.MkdirTemp("", "streamsql-kafka-")
	if err != nil {
		t.Fatal(err)
	}
	k, err := StartKafka(dir, cfg)
	shared.clusters[key], shared.errs[key] = k, err
	onEnd(func() {
		if k != nil {
			k.Close()
		}
		_ = os.RemoveAll(dir)
	})
	Require(t, err)
	return k
}

// OwnKafka starts a cluster for one test, which may kill its brokers.
func OwnKafka(t testing.TB, cfg KafkaConfig) *Kafka {
	t.Helper()
	k, err := StartKafka(t.TempDir(), cfg)
	Require(t, err)
	t.Cleanup(k.Close)
	return k
}
