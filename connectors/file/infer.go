package file

import (
	"fmt"
	"io"
	"iter"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
)

// infer gives the columns of the records in the files that there are.
func infer(formats format.Set, o catalog.Options, env connectors.Env) ([]catalog.Field, error) {
	f, err := formats.Lookup(o[catalog.FormatOption])
	if err != nil || f.Infer == nil {
		return nil, err
	}
	cfg := format.InferConfig{Options: o.Under(f.Spec.Name + "."), Env: env}
	if cfg.Rows, err = format.SampledRows(o); err != nil {
		return nil, err
	}
	finder := newFinder(env.Files(), env.Dir, o[optPath])
	files, err := finder.find()
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no file to read at %s", finder.spec)
	}
	if f.Blocks != nil {
		first, err := finder.fs.Open(finder.real(files[0].path))
		if err != nil {
			return nil, fmt.Errorf("can't open %s: %w", files[0].path, reason(err))
		}
		defer first.Close()
		cfg.File, cfg.Size = first, files[0].size
	} else {
		cfg.Samples = samples(finder, files, o[optCompression])
	}
	fields, err := f.Infer(cfg)
	if err != nil && f.Blocks != nil {
		err = fmt.Errorf("%s: %w", files[0].path, err)
	}
	return fields, err
}

// samples gives the starts of files, in the order in which they are read.
func samples(finder *finder, files []input, compression string) iter.Seq2[format.Sample, error] {
	return func(yield func(format.Sample, error) bool) {
		left := format.MaxSampleBytes
		for _, in := range files {
			if left == 0 {
				return
			}
			s, err := start(finder, in.path, compression, left)
			left -= len(s.Data)
			if !yield(s, err) || err != nil {
				return
			}
		}
	}
}

// start reads the first bytes of a file.
func start(finder *finder, name, compression string, max int) (format.Sample, error) {
	s := format.Sample{Name: name}
	t, err := openText(finder, name, compression, 0)
	if err != nil {
		return s, err
	}
	defer t.close()
	data, err := io.ReadAll(io.LimitReader(t, int64(max)+1))
	s.Whole = len(data) <= max
	s.Data = data[:min(len(data), max)]
	return s, err
}
