package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
)

// infer gives the columns of a topic's values, and of those columns of its keys that
// stand there alone.
func infer(formats format.Set, o catalog.Options, env connectors.Env) ([]catalog.Field, error) {
	value, err := inferPart(formats, o, env, false)
	if err != nil || value == nil || o[catalog.KeyFormatOption] == "" || o[optValueFields] != "EXCEPT_KEY" {
		return value, err
	}
	key, err := inferPart(formats, o, env, true)
	if err != nil {
		return nil, fmt.Errorf("the key: %w", err)
	}
	if key == nil {
		return nil, fmt.Errorf("the columns of keys of format '%s' must be declared", o[catalog.KeyFormatOption])
	}
	var all []catalog.Field
	for _, name := range keyFields(o) {
		i := slices.IndexFunc(key, func(f catalog.Field) bool { return o[optKeyPrefix]+f.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("option '%s': keys have no '%s'", optKeyFields, strings.TrimPrefix(name, o[optKeyPrefix]))
		}
		all = append(all, catalog.Field{Name: name, Type: key[i].Type, NotNull: key[i].NotNull})
	}
	for _, f := range value {
		if !slices.ContainsFunc(all, func(k catalog.Field) bool { return k.Name == f.Name }) {
			all = append(all, f)
		}
	}
	return all, nil
}

// inferPart gives the columns of the values, or of the keys.
func inferPart(formats format.Set, o catalog.Options, env connectors.Env, key bool) ([]catalog.Field, error) {
	option, prefix := catalog.FormatOption, ""
	if key {
		option, prefix = catalog.KeyFormatOption, "key."
	}
	f, err := formats.Lookup(o[option])
	if err != nil || f.Infer == nil {
		return nil, err
	}
	cfg := format.InferConfig{Options: o.Under(prefix + f.Spec.Name + "."), Env: env, Subject: subject(o), Key: key, Messages: true}
	if cfg.Rows, err = format.SampledRows(o); err != nil {
		return nil, err
	}
	cfg.Samples = samples(formats, o, env, cfg.Rows, key)
	return f.Infer(cfg)
}

// sampleTime is how long a topic is waited for in all.
const sampleTime = 30 * time.Second

// samples gives the values, or the keys, of the first records of each partition that
// the brokers still have, rows in all, in the order of the partitions.
func samples(formats format.Set, o catalog.Options, env connectors.Env, rows int, key bool) iter.Seq2[format.Sample, error] {
	o = maps.Clone(o)
	for _, name := range []string{catalog.KeyFormatOption, optKeyFields, optKeyPrefix, optGroup} {
		delete(o, name)
	}
	o[catalog.FormatOption] = "raw" // nothing of a value is read but its bytes
	o[optStartup], o[optBounded], o[optMaxOffsets], o[optMaxBytes], o[optMaxRate], o[optDataLoss] = modeEarliest, modeLatest, "0", "0", "0", "false"
	return func(yield func(format.Sample, error) bool) {
		src, err := newSource(formats, connectors.SourceConfig{Name: "sample", Options: o, Declared: []catalog.Field{{Name: "value", Type: catalog.Bytes}}}, env)
		if err != nil {
			yield(format.Sample{}, err)
			return
		}
		defer src.Close()
		ctx, cancel := context.WithTimeout(context.Background(), sampleTime+o.Duration(optStartTime))
		defer cancel()
		splits, err := src.Splits(ctx)
		if err != nil {
			yield(format.Sample{}, err)
			return
		}
		left := format.MaxSampleBytes
		for _, split := range splits {
			each := (rows + len(splits) - 1) / len(splits)
			more, err := src.sample(ctx, split, each, left/len(splits), key, yield)
			if err != nil {
				yield(format.Sample{}, err)
			}
			if err != nil || !more {
				return
			}
		}
	}
}

// sample gives the values, or keys, of a split's first records; false: no more are
// wanted.
func (s *source) sample(ctx context.Context, split connectors.Split, rows, bytes int, key bool, yield func(format.Sample, error) bool) (bool, error) {
	r, err := s.Open(ctx, split, nil)
	if err != nil {
		return false, err
	}
	defer r.Close()
	for rows > 0 && bytes > 0 {
		c, err := r.Fetch(ctx, connectors.Limits{Records: rows, Bytes: bytes})
		switch {
		case errors.Is(err, io.EOF):
			return true, nil
		case err != nil && !errors.Is(err, connectors.ErrPending):
			return false, err
		case c == nil:
			select {
			case <-r.Ready():
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
				return false, fmt.Errorf("%s gives no records for %s", split.ID, sampleTime)
			}
			continue
		}
		rows, bytes = rows-c.Records(), bytes-c.Bytes()
		if wanted, err := sampleChunk(c, split.ID, key, yield); err != nil || !wanted {
			return false, err
		}
	}
	return true, nil
}

func sampleChunk(c connectors.Chunk, name string, key bool, yield func(format.Sample, error) bool) (bool, error) {
	defer c.Release()
	recs, err := c.Decode(memory.DefaultAllocator)
	if err != nil {
		return false, err
	}
	part := recs.Raw
	if key {
		part = recs.Key
	}
	for i := range c.Records() {
		if raw := part(i); raw != nil && !yield(format.Sample{Name: name, Data: raw, Whole: true}, nil) {
			return false, nil
		}
	}
	return true, nil
}
