package registry

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/streamsql/streamsql/internal/clock"
)

// Client asks one registry. It may be used from any goroutine.
type Client struct {
	url      string
	api      *sr.Client
	clock    clock.Clock
	log      *slog.Logger
	patience time.Duration
	done     <-chan struct{} // ends the waiting; nil: nothing does
	trouble  atomic.Pointer[string]

	mu      sync.Mutex
	byID    map[int]*Schema
	unknown map[int]time.Time // ids that the registry did not know, and when it was asked
}

// Schema is a schema with those that it refers to.
type Schema struct {
	ID   int // 0: of a reference
	Text string
	Type Type
	// References are the schemas that the text refers to by name, those that they
	// refer to before them.
	References []Reference
}

// Reference gives the schema that is referred to by a name, at any depth; nil: none.
func (s *Schema) Reference(name string) *Schema {
	for _, r := range s.References {
		if r.Name == name {
			return r.Schema
		}
		if found := r.Schema.Reference(name); found != nil {
			return found
		}
	}
	return nil
}

// Type is the language of a schema.
type Type = sr.SchemaType

// The languages.
const (
	Avro     = sr.TypeAvro
	Protobuf = sr.TypeProtobuf
	JSON     = sr.TypeJSON
)

// Reference is a schema under the name that others refer to it by.
type Reference struct {
	Name   string
	Schema *Schema
}

// ErrUnknown says that the registry does not know a schema, a subject or a version.
var ErrUnknown = errors.New("the registry does not know it")

// forget is how long an id that was not known is not asked for again.
const forget = 10 * time.Second

const (
	// attemptTimeout bounds an attempt, which asks for a schema and for what it refers
	// to; addressTimeout a request to one of several addresses.
	attemptTimeout = 20 * time.Second
	addressTimeout = 5 * time.Second
	// maxAnswer bounds what a registry may answer, in bytes.
	maxAnswer = 64 << 20
)

// bounded bounds answers to maxAnswer.
type bounded struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(q *http.Request) (*http.Response, error) {
	r, err := b.RoundTripper.RoundTrip(q)
	if err == nil {
		r.Body = &boundedBody{r.Body, maxAnswer}
	}
	return r, err
}

type boundedBody struct {
	io.ReadCloser
	left int
}

// Read implements io.Reader.
func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= n; b.left < 0 {
		return 0, fmt.Errorf("the answer has more than %d MiB", maxAnswer>>20)
	}
	return n, err
}

// httpClient is what requests are made with; conf is nil without settings for TLS.
func httpClient(conf *tls.Config) *http.Client {
	transport := http.DefaultTransport
	if conf != nil {
		own := http.DefaultTransport.(*http.Transport).Clone()
		own.TLSClientConfig = conf
		transport = own
	}
	return &http.Client{Timeout: addressTimeout, Transport: bounded{transport}}
}

// attempt calls f, which ends with the job too.
func (c *Client) attempt(f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	go func() {
		select {
		case <-c.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	return f(ctx)
}

// ByID gives the schema of an id: ErrUnknown if there is none. It waits for a
// registry that does not answer.
func (c *Client) ByID(id int) (*Schema, error) {
	c.mu.Lock()
	s, asked := c.byID[id], c.unknown[id]
	c.mu.Unlock()
	if s != nil {
		return s, nil
	}
	if !asked.IsZero() && c.clock.Now().Sub(asked) < forget {
		return nil, ErrUnknown
	}
	err := c.retry(fmt.Sprintf("schema %d", id), func(ctx context.Context) error {
		got, err := c.api.SchemaByID(ctx, id)
		if err != nil {
			return err
		}
		s, err = c.resolve(ctx, got)
		return err
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	if errors.Is(err, ErrUnknown) {
		c.unknown[id] = c.clock.Now()
	}
	if err != nil {
		return nil, err
	}
	s.ID = id
	c.byID[id] = s
	return s, nil
}

// Latest gives the newest schema of a subject.
func (c *Client) Latest(subject string) (*Schema, error) {
	var s *Schema
	err := c.retry("subject "+subject, func(ctx context.Context) error {
		got, err := c.api.SchemaByVersion(ctx, subject, -1)
		if err != nil {
			return err
		}
		if s, err = c.resolve(ctx, got.Schema); err == nil {
			s.ID = got.ID
		}
		return err
	})
	return s, err
}

// Register registers a schema under a subject, those that it refers to before it
// under their names, and gives its id; with find they must be there.
func (c *Client) Register(subject string, s *Schema, find bool) (int, error) {
	id := 0
	err := c.retry("subject "+subject, func(ctx context.Context) error {
		var err error
		id, _, err = c.register(ctx, subject, s, find)
		return err
	})
	return id, err
}

func (c *Client) register(ctx context.Context, subject string, s *Schema, find bool) (id, version int, err error) {
	out := sr.Schema{Schema: s.Text, Type: s.Type}
	for _, r := range s.References {
		_, v, err := c.register(ctx, r.Name, r.Schema, find)
		if err != nil {
			return 0, 0, err
		}
		out.References = append(out.References, sr.SchemaReference{Name: r.Name, Subject: r.Name, Version: v})
	}
	if !find {
		if _, err = c.api.RegisterSchema(ctx, subject, out, -1, -1); err != nil {
			return 0, 0, err
		}
	}
	got, err := c.api.LookupSchema(ctx, subject, out)
	return got.ID, got.Version, err
}

// resolve fetches what a schema refers to.
func (c *Client) resolve(ctx context.Context, s sr.Schema) (*Schema, error) {
	out := &Schema{Text: s.Schema, Type: s.Type}
	seen := map[string]bool{}
	for _, r := range s.References {
		if err := c.reference(ctx, r, out, seen, 0); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c *Client) reference(ctx context.Context, r sr.SchemaReference, to *Schema, seen map[string]bool, depth int) error {
	if seen[r.Name] {
		return nil
	}
	seen[r.Name] = true
	if depth > 100 {
		return fmt.Errorf("schemas refer to each other more than 100 deep")
	}
	got, err := c.api.SchemaByVersion(ctx, r.Subject, r.Version)
	if err != nil {
		return err
	}
	for _, inner := range got.References {
		if err := c.reference(ctx, inner, to, seen, depth+1); err != nil {
			return err
		}
	}
	to.References = append(to.References, Reference{r.Name, &Schema{ID: got.ID, Text: got.Schema.Schema, Type: got.Type}})
	return nil
}

// Trouble says that the registry is waited for, and why; "": it is not.
func (c *Client) Trouble() string {
	if t := c.trouble.Load(); t != nil {
		return *t
	}
	return ""
}

// retry calls f until it answers or patience is at its end. An answer that says
// that there is no such thing is ErrUnknown.
func (c *Client) retry(what string, f func(ctx context.Context) error) error {
	start := c.clock.Now()
	pause := 100 * time.Millisecond
	defer c.trouble.Store(nil)
	for attempt := 1; ; attempt++ {
		err := c.attempt(f)
		var answer *sr.ResponseError
		switch {
		case err == nil:
			return nil
		case errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound && answer.ErrorCode/100 == 404:
			return fmt.Errorf("%s: %w (%s: %s)", what, ErrUnknown, c.url, answer.Message)
		case errors.As(err, &answer) && answer.StatusCode/100 == 4 && answer.StatusCode != http.StatusTooManyRequests && answer.StatusCode != http.StatusRequestTimeout:
			return fmt.Errorf("%s: the schema registry at %s refuses: %w", what, c.url, err)
		case c.jobEnds():
			return c.unanswered(what, err)
		}
		waited := c.clock.Now().Sub(start)
		if waited >= c.patience {
			return fmt.Errorf("%s: the schema registry at %s has not answered for %s: %w", what, c.url, waited.Round(time.Second), err)
		}
		if c.log != nil {
			c.log.Warn("the schema registry does not answer; it is asked again", "registry", c.url, "for", what, "error", err, "pause", pause)
		}
		state := fmt.Sprintf("the schema registry at %s does not answer for %s: %v; attempt %d failed", c.url, what, err, attempt)
		c.trouble.Store(&state)
		select {
		case <-c.clock.After(min(pause, c.patience-waited)):
		case <-c.done:
			return c.unanswered(what, err)
		}
		pause = min(2*pause, 10*time.Second)
	}
}

func (c *Client) jobEnds() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

func (c *Client) unanswered(what string, err error) error {
	return fmt.Errorf("%s: the job ends while the schema registry at %s does not answer: %w", what, c.url, err)
}
