package registry

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/internal/clock"
)

// The options, named as Flink names them where it has them.
const (
	optURL         = "url"
	optSubject     = "subject"
	optStrategy    = "subject-name-strategy"
	optRegister    = "auto-register"
	optAuthSource  = "basic-auth.credentials-source"
	optAuth        = "basic-auth.user-info"
	optTokenSource = "bearer-auth.credentials-source"
	optToken       = "bearer-auth.token"
	optTrust       = "ssl.truststore.location"
	optKey         = "ssl.keystore.location"
	optRetry       = "retry-timeout"
)

// Options describes the options of formats that use a registry.
func Options() []catalog.OptionSpec {
	both := func(o catalog.OptionSpec) catalog.OptionSpec {
		o.Source, o.Sink = true, true
		return o
	}
	return []catalog.OptionSpec{
		both(catalog.OptionSpec{Name: optURL, Aliases: []string{"schema-registry.url"}, Required: true, Doc: "The address of the registry; several of one registry separated by commas."}),
		both(catalog.OptionSpec{Name: optSubject, Aliases: []string{"schema-registry.subject"},
			Doc: "The subject whose schemas are written (and read, where columns are taken from the registry). Default: by 'subject-name-strategy'."}),
		both(catalog.OptionSpec{Name: optStrategy, Type: catalog.OptionEnum, Values: []string{"topic", "record", "topic-record"}, Default: "topic",
			Doc: "The subject unless given: TOPIC-value (of keys: TOPIC-key), the full name of the record, or TOPIC-RECORD."}),
		{Name: optRegister, Type: catalog.OptionBool, Default: "true", Sink: true, Doc: "Register the schema that is written; else it must be there."},
		both(catalog.OptionSpec{Name: optAuthSource, Type: catalog.OptionEnum, Values: []string{"USER_INFO"}, Doc: "Accepted for Flink's scripts."}),
		both(catalog.OptionSpec{Name: optAuth, Secret: true, Doc: "USER:PASSWORD for HTTP's basic authentication."}),
		both(catalog.OptionSpec{Name: optTokenSource, Type: catalog.OptionEnum, Values: []string{"STATIC_TOKEN"}, Doc: "Accepted for scripts of Confluent's clients."}),
		both(catalog.OptionSpec{Name: optToken, Secret: true, Doc: "A token for HTTP's bearer authentication."}),
		both(catalog.OptionSpec{Name: optTrust, Doc: "A PEM file with the certificates of the authorities to trust. Default: the system's."}),
		both(catalog.OptionSpec{Name: optKey, Doc: "A PEM file with the client's key and certificate."}),
		catalog.Refused("ssl.truststore.password", "PEM files have no password", "convert a Java key store: keytool -exportcert -rfc"),
		catalog.Refused("ssl.keystore.password", "PEM files have no password", "convert a Java key store: openssl pkcs12 -nodes"),
		catalog.Refused("properties", "there is no other client to hand them to", "what can be set has an option of its own"),
		both(catalog.OptionSpec{Name: optRetry, Type: catalog.OptionDuration, Default: "5 min", Doc: "How long a registry that does not answer is asked again before the job stops."}),
	}
}

// New makes a client. It does no I/O but for the files of certificates.
func New(o catalog.Options, env connectors.Env) (*Client, error) {
	c := &Client{
		url: o[optURL], clock: env.Clock, log: env.Log, patience: 5 * time.Minute, done: env.Done,
		byID: map[int]*Schema{}, unknown: map[int]time.Time{},
	}
	if o[optRetry] != "" {
		c.patience = o.Duration(optRetry)
	}
	if c.clock == nil {
		c.clock = clock.System{}
	}
	var urls []string
	for _, u := range strings.FieldsFunc(c.url, func(r rune) bool { return r == ',' || r == ';' }) {
		urls = append(urls, strings.TrimRight(strings.TrimSpace(u), "/"))
	}
	if len(urls) == 0 {
		return nil, errors.New("option 'url': the registry's address is missing")
	}
	opts := []sr.ClientOpt{sr.URLs(urls...), sr.UserAgent("streamsql")}
	switch {
	case o[optAuth] != "" && o[optToken] != "":
		return nil, fmt.Errorf("options '%s' and '%s' are alternatives", optAuth, optToken)
	case o[optAuth] != "":
		user, password, ok := strings.Cut(o[optAuth], ":")
		if !ok {
			return nil, fmt.Errorf("option '%s' is USER:PASSWORD", optAuth)
		}
		opts = append(opts, sr.BasicAuth(user, password))
	case o[optToken] != "":
		opts = append(opts, sr.BearerToken(o[optToken]))
	}
	var conf *tls.Config
	var err error
	if o[optTrust] != "" || o[optKey] != "" {
		if conf, err = tlsConfig(o, env); err != nil {
			return nil, err
		}
	}
	c.api, err = sr.NewClient(append(opts, sr.HTTPClient(httpClient(conf)))...)
	return c, err
}

func tlsConfig(o catalog.Options, env connectors.Env) (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if name := o[optTrust]; name != "" {
		pem, err := env.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("option '%s': %w", optTrust, err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("option '%s': %s has no certificate in PEM", optTrust, name)
		}
	}
	if name := o[optKey]; name != "" {
		pem, err := env.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("option '%s': %w", optKey, err)
		}
		pair, err := tls.X509KeyPair(pem, pem)
		if err != nil {
			return nil, fmt.Errorf("option '%s': %w", optKey, err)
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return conf, nil
}

// Subject gives the subject of a topic's keys or values. record is the full name of
// the schema's record, "" if it is not known.
func Subject(o catalog.Options, topic string, key bool, record string) (string, error) {
	if s := o[optSubject]; s != "" {
		return s, nil
	}
	strategy := o[optStrategy]
	if (strategy == "record" || strategy == "topic-record") && record == "" {
		return "", fmt.Errorf("option '%s': the name of the record is not known here; set '%s'", optStrategy, optSubject)
	}
	if strategy != "record" && topic == "" {
		return "", fmt.Errorf("the subject is not known; set '%s'", optSubject)
	}
	switch {
	case strategy == "record":
		return record, nil
	case strategy == "topic-record":
		return topic + "-" + record, nil
	case key:
		return topic + "-key", nil
	}
	return topic + "-value", nil
}

// Registers says whether schemas that are written are registered.
func Registers(o catalog.Options) bool { return o[optRegister] != "false" }

// Newest gives the newest schema of the subject of a topic's messages; record is the
// name of the record, where the strategy of subjects asks for it.
func Newest(cfg format.InferConfig, record string) (*Schema, error) {
	client, err := New(cfg.Options, cfg.Env)
	if err != nil {
		return nil, err
	}
	subject, err := Subject(cfg.Options, cfg.Subject, cfg.Key, record)
	if err != nil {
		return nil, err
	}
	return client.Latest(subject)
}
