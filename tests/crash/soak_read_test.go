//go:build unix

package crash

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// message is a record of a topic, as Kafka's own consumer shows it.
type message struct {
	part       int
	off, stamp int64
	key, value string // "<nil>": none
}

// read gives the committed records of topics, each in the order of its partitions.
func (s *soak) read(topics ...string) map[string][]message {
	s.t.Helper()
	out := map[string][]message{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	slots := make(chan struct{}, 3)
	for _, topic := range topics {
		wg.Add(1)
		go func() {
			defer wg.Done()
			slots <- struct{}{}
			defer func() { <-slots }()
			list, err := s.readTopic(topic, "10000")
			if err == nil && len(list) == 0 {
				list, err = s.readTopic(topic, "60000") // on a busy machine it may not have begun
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				s.t.Error(err)
			}
			out[topic] = list
		}()
	}
	wg.Wait()
	return out
}

func (s *soak) readTopic(topic, patience string) (list []message, err error) {
	cmd := s.k.Tool("org.apache.kafka.tools.consumer.ConsoleConsumer", "--topic", topic, "--from-beginning", "--timeout-ms", patience,
		"--command-property", "isolation.level=read_committed", "--formatter-property", "print.partition=true", "--formatter-property", "print.offset=true",
		"--formatter-property", "print.timestamp=true", "--formatter-property", "print.key=true", "--formatter-property", "null.literal=<nil>")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil && !strings.Contains(stderr.String(), "TimeoutException") {
		return nil, fmt.Errorf("%w\n%s", err, stderr.String())
	}
	for l := range strings.Lines(stdout.String()) {
		f := strings.SplitN(strings.TrimSuffix(l, "\n"), "\t", 5)
		if len(f) < 5 {
			return nil, fmt.Errorf("%s: a line of the consumer: %q", topic, l)
		}
		m := message{key: f[3], value: f[4]}
		_, stamp, _ := strings.Cut(f[0], ":")
		_, part, _ := strings.Cut(f[1], ":")
		_, off, _ := strings.Cut(f[2], ":")
		var errs [3]error
		m.stamp, errs[0] = strconv.ParseInt(stamp, 10, 64)
		m.part, errs[1] = strconv.Atoi(part)
		m.off, errs[2] = strconv.ParseInt(off, 10, 64)
		if err := errors.Join(errs[:]...); err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	slices.SortStableFunc(list, func(a, b message) int {
		if a.part != b.part {
			return a.part - b.part
		}
		return int(a.off - b.off)
	})
	return list, nil
}

// values are the values of messages.
func values(list []message) (out []string) {
	for _, m := range list {
		out = append(out, m.value)
	}
	return out
}

// standing are the last values of the keys, without those that have none.
func standing(list []message) []string {
	last := map[string]string{}
	for _, m := range list {
		last[m.key] = m.value
	}
	maps.DeleteFunc(last, func(_, v string) bool { return v == "<nil>" })
	return slices.Collect(maps.Values(last))
}

// equal compares what an output has with what it must have.
func (s *soak) equal(name string, got, want []string) {
	s.t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if slices.Equal(got, want) {
		s.t.Logf("%s: %d rows", name, len(want))
		return
	}
	count := map[string]int{}
	for _, g := range got {
		count[g]++
	}
	for _, w := range want {
		count[w]--
	}
	n := 0
	var some []string
	for _, k := range slices.Sorted(maps.Keys(count)) {
		if c := count[k]; c != 0 {
			if n++; n <= 12 {
				some = append(some, fmt.Sprintf("%+d %s", c, k))
			}
		}
	}
	s.t.Errorf("%s has %d rows, want %d; %d differ (+: too many):\n%s", name, len(got), len(want), n, strings.Join(some, "\n"))
}
