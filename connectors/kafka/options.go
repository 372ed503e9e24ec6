package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/kafka/wire"
)

// The options of a connection, for sources and sinks, named as Java's clients name
// them; where those want a key store, PEM files are taken.
const (
	optServers       = "properties.bootstrap.servers"
	optClientID      = "properties.client.id"
	optProtocol      = "properties.security.protocol"
	optMechanism     = "properties.sasl.mechanism"
	optJAAS          = "properties.sasl.jaas.config"
	optUser          = "properties.sasl.username"
	optPassword      = "properties.sasl.password"
	optTruststore    = "properties.ssl.truststore.location"
	optTruststorePEM = "properties.ssl.truststore.certificates"
	optTruststoreTyp = "properties.ssl.truststore.type"
	optKeystore      = "properties.ssl.keystore.location"
	optKeystoreTyp   = "properties.ssl.keystore.type"
	optCertificate   = "properties.ssl.certificate.location"
	optKey           = "properties.ssl.key.location"
	optHostCheck     = "properties.ssl.endpoint.identification.algorithm"
	optRequestTime   = "properties.request.timeout.ms"
	optStartTime     = "properties.default.api.timeout.ms"
	optConnectTime   = "properties.socket.connection.setup.timeout.ms"
	optBackoff       = "properties.reconnect.backoff.ms"
	optBackoffMax    = "properties.reconnect.backoff.max.ms"
)

// connectionOptions describes them.
func connectionOptions() []catalog.OptionSpec {
	both := func(o catalog.OptionSpec) catalog.OptionSpec {
		o.Source, o.Sink = true, true
		return o
	}
	return []catalog.OptionSpec{
		both(catalog.OptionSpec{Name: optServers, Required: true, Doc: "Brokers to begin with: host:port, comma-separated."}),
		both(catalog.OptionSpec{Name: optClientID, Default: "streamsql", Doc: "What the brokers call this client in their logs and quotas."}),
		both(catalog.OptionSpec{Name: optProtocol, Type: catalog.OptionEnum, Values: []string{"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"}, Default: "PLAINTEXT",
			Doc: "Whether connections are encrypted (SSL) and whether a user is named (SASL)."}),
		both(catalog.OptionSpec{Name: optMechanism, Aliases: []string{"properties.sasl.mechanisms"}, Type: catalog.OptionEnum, Values: []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"},
			Doc: "How the user is checked."}),
		both(catalog.OptionSpec{Name: optUser, Doc: "The user."}),
		both(catalog.OptionSpec{Name: optPassword, Secret: true, Doc: "The user's password."}),
		both(catalog.OptionSpec{Name: optJAAS, Secret: true, Doc: `User and password as Java's clients have them: '... required username="alice" password="secret";'.`}),
		both(catalog.OptionSpec{Name: optTruststore, Aliases: []string{"properties.ssl.ca.location"}, Doc: "A PEM file with the certificates of the authorities that the brokers' certificates are checked against. Default: the system's."}),
		both(catalog.OptionSpec{Name: optTruststorePEM, Doc: "The same as text."}),
		both(catalog.OptionSpec{Name: optTruststoreTyp, Type: catalog.OptionEnum, Values: []string{"PEM"}, Default: "PEM", Doc: "Java's key stores are not read: convert them to PEM."}),
		both(catalog.OptionSpec{Name: optCertificate, Doc: "A PEM file with the client's certificate, and those up to its authority."}),
		both(catalog.OptionSpec{Name: optKey, Doc: "A PEM file with the key of the client's certificate, not encrypted."}),
		both(catalog.OptionSpec{Name: optKeystore, Doc: "One PEM file with both."}),
		both(catalog.OptionSpec{Name: optKeystoreTyp, Type: catalog.OptionEnum, Values: []string{"PEM"}, Default: "PEM", Doc: "Java's key stores are not read: convert them to PEM."}),
		both(catalog.OptionSpec{Name: optHostCheck, Default: "https", Doc: "https: a broker's certificate must be for the name that it is reached by. Empty or none: any name will do."}),
		both(catalog.OptionSpec{Name: optRequestTime, Type: catalog.OptionDuration, Default: "30 s", Doc: "A broker that does not answer for so long is taken for lost, and the request is made again."}),
		both(catalog.OptionSpec{Name: optStartTime, Type: catalog.OptionDuration, Default: "60 s", Doc: "How long a job that starts tries to reach the cluster. One that runs tries for ever."}),
		both(catalog.OptionSpec{Name: optConnectTime, Type: catalog.OptionDuration, Default: "10 s", Doc: "The same for connecting."}),
		both(catalog.OptionSpec{Name: optBackoff, Aliases: []string{"properties.retry.backoff.ms"}, Type: catalog.OptionDuration, Default: "100 ms", Doc: "The pause before a failed request is made again; it doubles each time."}),
		catalog.Refused("properties.acks", "all replicas in sync acknowledge what is written, whatever 'sink.delivery-guarantee' is", "leave it out"),
		catalog.Refused("properties.linger.ms", "rows wait only while the request before them is under way", "leave it out; a larger 'properties.batch.size' is for throughput"),
		catalog.Refused("properties.enable.idempotence", "the producer is always idempotent", "leave it out"),
		catalog.Refused("properties.retries", "what can be tried again is", "'properties.delivery.timeout.ms' bounds for how long"),
		catalog.Refused("properties.transactional.id", "the engine has two of them for each sink", "'sink.transactional-id-prefix' is what they begin with"),
		catalog.Refused("properties.enable.auto.commit", "the group is told of offsets after each commit of the job", "'properties.commit.offsets.on.checkpoint' = 'false' keeps it from that"),
		catalog.Refused("properties.auto.commit.interval.ms", "the group is told of offsets after each commit of the job", "SET 'commit.interval'"),
		catalog.Refused("properties.max.poll.records", "records are taken as they come", "'scan.max-offsets-per-trigger' bounds a micro-batch"),
		catalog.Refused("properties.allow.auto.create.topics", "topics are never made by reading or writing them", "leave it out"),
		catalog.Refused("properties.ssl.truststore.password", "PEM files have no password", "convert a Java key store: keytool -exportcert -rfc"),
		catalog.Refused("properties.ssl.keystore.password", "PEM files have no password", "convert a Java key store: openssl pkcs12 -nodes"),
		catalog.Refused("properties.ssl.key.password", "the key must not be encrypted", "openssl pkey -in key.pem -out plain.pem"),
		catalog.Refused("sink.parallelism", "all of a job has one parallelism", "SET 'parallelism'"),
		catalog.Refused("scan.parallelism", "all of a job has one parallelism", "SET 'parallelism'"),
		both(catalog.OptionSpec{Name: optBackoffMax, Aliases: []string{"properties.retry.backoff.max.ms"}, Type: catalog.OptionDuration, Default: "10 s", Doc: "The longest such pause."}),
	}
}

// checkConnection finds what does not go together.
func checkConnection(o catalog.Options) *catalog.OptionError {
	if len(brokers(o)) == 0 {
		return wrong(optServers, "option '%s' names no broker", optServers)
	}
	for _, b := range brokers(o) {
		host, port, err := net.SplitHostPort(b)
		if n, bad := strconv.ParseUint(port, 10, 16); err != nil || host == "" || strings.ContainsAny(host, ";/") || bad != nil || n == 0 {
			return wrong(optServers, "option '%s': '%s' is not host:port, such as broker1:9092", optServers, b)
		}
	}
	withSASL, withTLS := strings.HasPrefix(o[optProtocol], "SASL"), strings.HasSuffix(o[optProtocol], "SSL")
	for _, name := range []string{optMechanism, optUser, optPassword, optJAAS} {
		if o[name] != "" && !withSASL {
			return wrong(name, "option '%s' needs '%s' = 'SASL_SSL' or 'SASL_PLAINTEXT'", name, optProtocol)
		}
	}
	for _, name := range []string{optTruststore, optTruststorePEM, optKeystore, optCertificate, optKey} {
		if o[name] != "" && !withTLS {
			return wrong(name, "option '%s' needs '%s' = 'SSL' or 'SASL_SSL'", name, optProtocol)
		}
	}
	if withSASL {
		if o[optMechanism] == "" {
			return wrong(optProtocol, "'%s' = '%s' needs option '%s'", optProtocol, o[optProtocol], optMechanism)
		}
		if _, _, err := credentials(o); err != nil {
			return wrong(optMechanism, "%s", err.Error())
		}
	}
	if (o[optCertificate] == "") != (o[optKey] == "") {
		return wrong(optProtocol, "'%s' and '%s' go together", optCertificate, optKey)
	}
	return nil
}

// brokers gives the brokers to begin with. Kafka's clients take listeners
// ('PLAINTEXT://broker1:9092') as well; a port that is missing is Kafka's usual one.
func brokers(o catalog.Options) []string {
	list := strings.FieldsFunc(o[optServers], func(r rune) bool { return r == ',' || r == ' ' })
	for i, b := range list {
		if _, rest, ok := strings.Cut(b, "://"); ok {
			b = rest
		}
		if !strings.Contains(b, ":") {
			b += ":9092"
		}
		list[i] = b
	}
	return list
}

var jaasField = regexp.MustCompile(`(username|password)\s*=\s*("((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')`)

// credentials gives user and password.
func credentials(o catalog.Options) (user, password string, err error) {
	user, password = o[optUser], o[optPassword]
	if jaas := o[optJAAS]; jaas != "" {
		for _, m := range jaasField.FindAllStringSubmatch(jaas, -1) {
			value := regexp.MustCompile(`\\(.)`).ReplaceAllString(m[3]+m[4], "$1")
			if m[1] == "username" {
				user = value
			} else {
				password = value
			}
		}
	}
	if user == "" {
		return "", "", fmt.Errorf("'%s' needs a user: '%s' and '%s', or '%s'", optMechanism, optUser, optPassword, optJAAS)
	}
	return user, password, nil
}

// newClient makes a client of the options; files are relative to env.Dir.
func newClient(o catalog.Options, env connectors.Env) (*wire.Client, error) {
	cfg := wire.Config{Brokers: brokers(o), ClientID: o[optClientID], RequestTimeout: o.Duration(optRequestTime), DialTimeout: o.Duration(optConnectTime)}
	if strings.HasPrefix(o[optProtocol], "SASL") {
		m, err := mechanism(o)
		if err != nil {
			return nil, err
		}
		cfg.SASL = m
	}
	if strings.HasSuffix(o[optProtocol], "SSL") {
		t, err := tlsConfig(o, env)
		if err != nil {
			return nil, err
		}
		cfg.TLS = t
	}
	return wire.New(cfg), nil
}

func mechanism(o catalog.Options) (sasl.Mechanism, error) {
	user, password, err := credentials(o)
	if err != nil {
		return nil, err
	}
	switch o[optMechanism] {
	case "SCRAM-SHA-256":
		return scram.Mechanism(scram.SHA256, user, password)
	case "SCRAM-SHA-512":
		return scram.Mechanism(scram.SHA512, user, password)
	}
	return plain.Mechanism{Username: user, Password: password}, nil
}

func tlsConfig(o catalog.Options, env connectors.Env) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	read := func(option string) ([]byte, error) {
		text, err := env.ReadFile(o[option])
		if err != nil {
			return nil, fmt.Errorf("option '%s': %w", option, err)
		}
		return text, nil
	}
	authorities := []byte(o[optTruststorePEM])
	if o[optTruststore] != "" {
		var err error
		if authorities, err = read(optTruststore); err != nil {
			return nil, err
		}
	}
	if len(authorities) > 0 {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(authorities) {
			return nil, fmt.Errorf("option '%s': there is no PEM certificate in it (Java's key stores are not read: convert them, e.g. with keytool and openssl)", optTruststore)
		}
	}
	certificate, key := []byte(nil), []byte(nil)
	var err error
	switch {
	case o[optKeystore] != "":
		if certificate, err = read(optKeystore); err != nil {
			return nil, err
		}
		key = certificate
	case o[optCertificate] != "":
		if certificate, err = read(optCertificate); err != nil {
			return nil, err
		}
		if key, err = read(optKey); err != nil {
			return nil, err
		}
	}
	if certificate != nil {
		pair, err := tls.X509KeyPair(certificate, key)
		if err != nil {
			return nil, fmt.Errorf("the client's certificate: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	if a := strings.ToLower(strings.TrimSpace(o[optHostCheck])); a == "" || a == "none" {
		// The chain is still checked, only the name is not.
		c.InsecureSkipVerify = true
		roots := c.RootCAs
		c.VerifyConnection = func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 {
				return errors.New("the broker has shown no certificate")
			}
			between := x509.NewCertPool()
			for _, p := range s.PeerCertificates[1:] {
				between.AddCert(p)
			}
			_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between})
			return err
		}
	}
	return c, nil
}

// parseOffsets reads 'partition:0,offset:42;partition:1,offset:300' as Flink writes it,
// with 'topic:name,' before it where there are several topics (nil: a pattern).
func parseOffsets(text string, topics []string) (map[wire.TopicPartition]int64, error) {
	out := map[wire.TopicPartition]int64{}
	for _, part := range strings.Split(text, ";") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		p, offset, ok := parseOffset(part)
		if !ok {
			return nil, fmt.Errorf("'%s' is not of the form partition:0,offset:42", part)
		}
		if p.Topic == "" && len(topics) == 1 {
			p.Topic = topics[0]
		}
		switch _, twice := out[p]; {
		case p.Topic == "":
			return nil, fmt.Errorf("'%s' does not say which topic: topic:name,partition:0,offset:42", part)
		case topics != nil && !slices.Contains(topics, p.Topic):
			return nil, fmt.Errorf("'%s' names a topic that is not read", part)
		case twice:
			return nil, fmt.Errorf("partition %d of '%s' is named twice", p.Partition, p.Topic)
		}
		out[p] = offset
	}
	return out, nil
}

// parseOffset reads 'topic:name,partition:0,offset:42', whose topic may be missing.
func parseOffset(text string) (p wire.TopicPartition, offset int64, ok bool) {
	partition := int64(-1)
	offset = -1
	for _, pair := range strings.Split(text, ",") {
		key, value, _ := strings.Cut(pair, ":")
		var err error
		switch value = strings.TrimSpace(value); strings.TrimSpace(key) {
		case "topic":
			p.Topic = value
		case "partition":
			partition, err = strconv.ParseInt(value, 10, 32)
		case "offset":
			offset, err = strconv.ParseInt(value, 10, 64)
		default:
			return p, 0, false
		}
		if err != nil {
			return p, 0, false
		}
	}
	p.Partition = int32(partition)
	return p, offset, partition >= 0 && offset >= 0
}
