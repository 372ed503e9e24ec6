package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/kafka/wire"
)

// source reads the partitions of topics as splits.
type source struct {
	name    string
	options catalog.Options
	env     connectors.Env
	log     *slog.Logger
	client  *wire.Client
	layout  *layout // how records become columns
	topics  []string
	pattern *regexp.Regexp
	bounded bool
	// Settings of fetching.
	committed                          bool // read_committed
	wait                               time.Duration
	minBytes, maxBytes, partitionBytes int
	budget                             int
	discovery                          time.Duration
	strict                             bool // fail-on-data-loss
	backoff, backoffMax                time.Duration

	ctx      context.Context // of requests in the background
	cancel   context.CancelFunc
	work     sync.WaitGroup
	fetchers wire.Workers
	buffers  bufferPool
	limits   limits
	publish  *publisher // nil: no group is told

	starts map[wire.TopicPartition]place // of the partitions listed first, once resolved

	mu        sync.Mutex
	known     map[string]*topic // by name
	parts     map[wire.TopicPartition]*partition
	listed    []connectors.Split
	listedAt  time.Time
	refreshed time.Time // when the metadata came
	asking    bool      // metadata is asked for
	stopNow   bool      // nothing beyond what there was then
	used      int       // bytes of fetched records that wait to be claimed, and those asked for
	inFlight  map[int32]int
	timer     *time.Timer // of the next attempt
	closed    bool
	lost      int64
	trouble   string // what is amiss with the cluster as a whole
}

// topic is what the metadata says of a topic.
type topic struct {
	id      wire.ID
	leaders []leader  // by partition
	missing time.Time // since when the cluster has not had it; zero: it has
}

type leader struct{ broker, epoch int32 }

var (
	_ connectors.Source    = (*source)(nil)
	_ connectors.UpToNow   = (*source)(nil)
	_ connectors.Paced     = (*source)(nil)
	_ connectors.Published = (*source)(nil)
	_ connectors.Reporting = (*source)(nil)
	_ connectors.Patient   = (*source)(nil)
)

func newSource(formats format.Set, cfg connectors.SourceConfig, env connectors.Env) (*source, error) {
	o := cfg.Options
	size := func(option string) int { return int(min(max(o.Bytes(option), 1), math.MaxInt32/2)) }
	s := &source{
		name: cfg.Name, options: o, env: env, log: env.Log, topics: topicList(o),
		bounded: o[optBounded] != modeUnbounded, committed: o[optIsolation] == "read_committed",
		wait: o.Duration(optFetchWait), minBytes: size(optFetchMin), maxBytes: size(optFetchMax), partitionBytes: size(optPartitionFetch),
		budget: size(optPrefetch), discovery: o.Duration(optDiscovery), strict: o.Bool(optDataLoss),
		known: map[string]*topic{}, parts: map[wire.TopicPartition]*partition{}, inFlight: map[int32]int{},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.backoff, s.backoffMax = backoff(o)
	if p := o[optTopicPattern]; p != "" {
		re, err := regexp.Compile("^(?:" + p + ")$")
		if err != nil {
			return nil, fmt.Errorf("option '%s': %w", optTopicPattern, err)
		}
		s.pattern = re
	}
	var err error
	if s.layout, err = newLayout(formats, cfg, env); err != nil {
		return nil, err
	}
	s.limits = newLimits(o, env.Clock)
	if s.client, err = newClient(o, env); err != nil {
		return nil, err
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if o[optGroup] != "" && o.Bool(optPublish) {
		s.publish = newPublisher(s, o[optGroup])
	}
	return s, nil
}

// Splits implements connectors.Source. Once there is a list, trouble in getting
// the next is no reason to stop.
func (s *source) Splits(ctx context.Context) ([]connectors.Split, error) {
	s.mu.Lock()
	listed, at := s.listed, s.listedAt
	s.mu.Unlock()
	if listed != nil && (s.bounded || s.discovery == 0 || time.Since(at) < s.discovery) {
		return listed, nil
	}
	m, err := s.metadata(ctx)
	var missing *missingTopicError
	switch {
	case err == nil:
	case errors.As(err, &missing):
		// Once there is a list, the partitions of the topic see to it.
	case listed == nil || ctx.Err() != nil || fatal(err):
		return nil, err
	default:
		s.warn("looking for new partitions failed", "error", err)
		return listed, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := map[string]bool{}
	for _, sp := range s.listed {
		seen[sp.ID] = true
	}
	all := slices.Clone(s.listed)
	if all == nil {
		all = []connectors.Split{}
	}
	for _, t := range m {
		for i := range t.Partitions {
			if id := splitID(t.Name, int32(i)); !seen[id] {
				all = append(all, connectors.Split{ID: id, Bounded: s.bounded})
			}
		}
	}
	slices.SortFunc(all, func(a, b connectors.Split) int { return strings.Compare(a.ID, b.ID) })
	if s.pattern != nil && len(all) == 0 && listed == nil {
		s.warn("no topic matches", "pattern", s.options[optTopicPattern])
	}
	s.listed, s.listedAt = all, time.Now()
	if missing != nil && listed == nil {
		return nil, &connectors.MissingError{Splits: all, Err: missing}
	}
	return all, nil
}

// metadata asks for the topics of the source, as often as it takes, within the
// time that a start may take. A topic that is named and not there is an error, beside
// the topics that are.
func (s *source) metadata(ctx context.Context) ([]wire.Topic, error) {
	var out []wire.Topic
	err := s.persist(ctx, func() error {
		var err error
		out, err = s.askMetadata(ctx)
		return err
	})
	return out, err
}

// askMetadata asks for the topics of the source once, and notes their leaders.
func (s *source) askMetadata(ctx context.Context) ([]wire.Topic, error) {
	names := s.topics
	if s.pattern != nil {
		names = nil
	}
	m, err := s.client.Metadata(ctx, names)
	if err != nil {
		return nil, err
	}
	var out []wire.Topic
	var missing, other error
	for _, t := range m.Topics {
		switch {
		case s.pattern != nil && (t.Internal || !s.pattern.MatchString(t.Name)):
			continue
		case isUnknownTopic(t.Err):
			missing = &missingTopicError{t.Name}
		case t.Err != nil:
			other = fmt.Errorf("topic '%s': %w", t.Name, t.Err)
		default:
			slices.SortFunc(t.Partitions, func(a, b wire.Partition) int { return int(a.Index) - int(b.Index) })
			out = append(out, t)
		}
	}
	s.note(out)
	return out, cmp.Or(missing, other)
}

// refresh is askMetadata for those who want to know of topics that are there.
func (s *source) refresh(ctx context.Context) error {
	_, err := s.askMetadata(ctx)
	var missing *missingTopicError
	if errors.As(err, &missing) {
		return nil
	}
	return err
}

// note takes up what the metadata says of topics.
func (s *source) note(topics []wire.Topic) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refreshed = time.Now()
	seen := map[string]bool{}
	for _, t := range topics {
		seen[t.Name] = true
		k := &topic{id: t.ID, leaders: make([]leader, len(t.Partitions))}
		for i, p := range t.Partitions {
			k.leaders[i] = leader{p.Leader, p.LeaderEpoch}
			if int(p.Index) != i {
				k.leaders[i] = leader{-1, -1} // a gap: the list is not whole yet
			}
		}
		s.known[t.Name] = k
	}
	for _, name := range s.topics {
		if s.known[name] == nil {
			s.known[name] = &topic{}
		}
	}
	for name, k := range s.known {
		if !seen[name] && k.missing.IsZero() {
			k.missing = s.refreshed
			k.leaders = nil
		}
	}
}

// missingTopicError says that a topic is not there.
type missingTopicError struct{ topic string }

func (e *missingTopicError) Error() string { return fmt.Sprintf("topic '%s' does not exist", e.topic) }

// persist tries f again while its error is of the kind that passes, for as long as
// a start may take.
func (s *source) persist(ctx context.Context, f func() error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	return persist(ctx, s.options, optStartTime, s.log.With("source", s.name), s.setTrouble, f)
}

func (s *source) setTrouble(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble = text
}

// persist tries f again while its error is of the kind that passes, for as long as an
// option says (0: for ever). It logs that once and tells of each attempt, and of the
// end with "".
func persist(ctx context.Context, o catalog.Options, limit string, log *slog.Logger, tell func(string), f func() error) error {
	begun, most := time.Now(), o.Duration(limit)
	pause, longest := backoff(o)
	told := false
	defer func() {
		if told {
			tell("")
		}
	}()
	for attempts := 1; ; attempts++ {
		err := f()
		switch {
		case err == nil || ctx.Err() != nil:
			return err
		case fatal(err):
			return named(err)
		case most > 0 && time.Since(begun)+pause > most:
			return unreachable(o, limit, err)
		}
		if attempts == 1 {
			log.Warn("kafka does not answer, trying again", "error", err, "for", most)
		}
		told = true
		tell(fmt.Sprintf("the cluster does not answer: %v; attempt %d, the next in %s", err, attempts+1, pause))
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(pause):
		}
		pause = min(2*pause, longest)
	}
}

// unreachable adds to an error of the connection which options it is about; limit is
// the one that says for how long it was tried.
func unreachable(o catalog.Options, limit string, err error) error {
	var code kafka.Error
	if errors.As(err, &code) {
		return err
	}
	return fmt.Errorf("'%s' = '%s' can't be reached: %w\n  hint: tried for %s ('%s'); '%s' = '%s' is how the brokers are spoken to", optServers, o[optServers], err, o.Duration(limit), limit, optProtocol, o[optProtocol])
}

// backoff gives the shortest and the longest pause before a request is made again.
func backoff(o catalog.Options) (first, longest time.Duration) {
	return max(o.Duration(optBackoff), time.Millisecond), max(o.Duration(optBackoffMax), time.Millisecond)
}

// Open implements connectors.Source.
func (s *source) Open(ctx context.Context, split connectors.Split, from connectors.Offset) (connectors.SplitReader, error) {
	tp, err := parseSplitID(split.ID)
	if err != nil {
		return nil, err
	}
	p := &partition{src: s, tp: tp, wake: make(chan struct{}, 1), want: s.partitionBytes}
	switch {
	case from != nil:
		if p.at, err = decodePlace(from); err != nil {
			return nil, err
		}
		if !s.bounded {
			p.at.stop = -1
		}
		if err := s.resume(ctx, p); err != nil {
			return nil, err
		}
	case split.Found:
		if p.at, err = s.startFound(ctx, tp); err != nil {
			return nil, err
		}
	default:
		if p.at, err = s.start(ctx, tp); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed
	}
	if s.stopNow {
		p.halt = p.at.next // found after the fact: nothing of it
	} else {
		p.halt = -1
	}
	p.fetchAt, p.next, p.given, p.topic, p.end = p.at.next, p.at.next, p.at.next, p.at.topic, -1
	p.rate = s.limits.newRate()
	s.parts[tp] = p
	s.dispatch()
	return p, nil
}

// Close implements connectors.Source.
func (s *source) Close() error {
	if s.publish != nil {
		s.publish.close()
	}
	s.mu.Lock()
	s.closed = true
	if s.timer != nil {
		s.timer.Stop()
	}
	s.mu.Unlock()
	s.cancel()
	s.client.Close()
	s.work.Wait()
	s.fetchers.Close()
	return nil
}

// Committed implements connectors.Published.
func (s *source) Committed(offsets map[string]connectors.Offset) {
	if s.publish != nil {
		s.publish.tell(offsets)
	}
}

// NextTrigger implements connectors.Paced.
func (s *source) NextTrigger(placed int64) {
	if !s.limits.reset(placed) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.parts {
		p.ready()
	}
}

// StopAtNow implements connectors.UpToNow.
func (s *source) StopAtNow(ctx context.Context) error {
	s.mu.Lock()
	var parts []*partition
	at := map[wire.TopicPartition]int64{}
	for tp, p := range s.parts {
		parts = append(parts, p)
		if s.gone(tp) == nil {
			at[tp] = wire.Latest
		}
	}
	s.mu.Unlock()
	found, err := s.offsets(ctx, at)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopNow = true
	for _, p := range parts {
		p.halt = max(found[p.tp].Offset, p.at.next) // of what is gone: there
	}
	return nil
}

// Report implements connectors.Reporting.
func (s *source) Report() connectors.SourceReport {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := connectors.SourceReport{Lost: s.lost, State: cmp.Or(s.trouble, format.TroubleOf(s.layout.value, s.layout.key))}
	var ids []string
	worst := (*partition)(nil)
	for _, p := range s.parts {
		switch {
		case p.end < 0:
			r.Lag = -1
		case r.Lag >= 0:
			r.Lag += max(0, p.end-p.next)
		}
		if p.failures > 0 {
			ids = append(ids, name(p.tp))
			if worst == nil || p.failures > worst.failures {
				worst = p
			}
		}
	}
	if s.pattern != nil && s.listed != nil && len(s.listed) == 0 && r.State == "" {
		r.State = fmt.Sprintf("no topic matches '%s' = '%s'", optTopicPattern, s.options[optTopicPattern])
	}
	if worst != nil {
		more := ""
		if len(ids) > 1 {
			more = fmt.Sprintf(" (and %d more partitions)", len(ids)-1)
		}
		r.State = fmt.Sprintf("%s%s can't be read: %v; attempt %d, the next in %s", name(worst.tp), more, worst.failure, worst.failures+1,
			max(0, time.Until(worst.retryAt)).Round(100*time.Millisecond))
	}
	return r
}

func (s *source) warn(msg string, args ...any) {
	s.log.Warn(msg, append([]any{"source", s.name}, args...)...)
}
