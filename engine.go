package streamsql

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/builtin"
	"github.com/streamsql/streamsql/connectors/memory"
	"github.com/streamsql/streamsql/exec/agg"
	"github.com/streamsql/streamsql/exec/expr"
	"github.com/streamsql/streamsql/internal/clock"
	"github.com/streamsql/streamsql/planner"
)

// Options configure an Engine. The zero value is an engine in memory with the
// built-in connectors and functions.
type Options struct {
	// DataDir keeps the catalog and the jobs' state; "" keeps them in memory.
	DataDir string
	// Dir is what relative paths in SQL are relative to; "" is the working
	// directory.
	Dir string
	// Connectors and Functions are added to the built-in ones.
	Connectors []connectors.Connector
	Functions  []Function
	// Memory holds the tables of the connector 'memory'; nil: a new store.
	Memory *memory.Store
	// Stdout takes the rows of the console sink. Default: os.Stdout.
	Stdout io.Writer
	// Log takes what the engine has to say while it runs. Default: nothing.
	Log *slog.Logger
	// Clock is the engine's time. Default: the system's.
	Clock Clock
	// FS is the file system of file sources and sinks, StateFS that of the state.
	// Default: the operating system's.
	FS      connectors.FS
	StateFS vfs.FS
	// Fault is called at named points of every commit; for tests that crash.
	Fault func(point string)
}

// Clock tells the time and wakes sleepers: what a program's own clock must do.
type Clock = clock.Clock

// Engine runs scripts. It may be used by several goroutines.
type Engine struct {
	o         Options
	registry  *connectors.Registry
	functions catalog.FunctionSet
	catalog   *catalog.Catalog
	env       connectors.Env
	store     catalog.Store // keeps the catalog; nil: nothing does

	saving sync.Mutex // one writer of store at a time, with the newest definitions

	mu     sync.Mutex
	jobs   map[*Job]struct{} // what runs
	closed bool
}

// Open makes an engine. Errors: a connector or function whose name is taken or whose
// description is not whole, a data directory that can't be read.
func Open(o Options) (*Engine, error) {
	if o.Memory == nil {
		o.Memory = memory.NewStore()
	}
	if o.Stdout == nil {
		o.Stdout = os.Stdout
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	registry, err := builtin.Registry(o.Memory)
	if err != nil {
		return nil, err
	}
	for _, c := range o.Connectors {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	own, err := functionsOf(o.Functions)
	if err != nil {
		return nil, err
	}
	functions, err := catalog.NewFunctionSet(slices.Concat(expr.Functions().All(), agg.Functions(), own)...)
	if err != nil {
		return nil, fmt.Errorf("functions: %w", err)
	}
	e := &Engine{
		o: o, registry: registry, functions: functions, catalog: catalog.New(), jobs: map[*Job]struct{}{},
		env: connectors.Env{Clock: o.Clock, Log: o.Log, Dir: o.Dir, FS: o.FS, Stdout: &lockedWriter{w: o.Stdout}},
	}
	if o.DataDir != "" {
		e.store = catalog.DirStore{Dir: o.DataDir}
		kept, err := e.store.Load()
		if err != nil {
			return nil, err
		}
		for _, err := range e.Session().planner.Restore(kept) {
			o.Log.Warn("a definition of the catalog can't be restored", "error", err)
		}
	}
	return e, nil
}

// Functions are the functions that scripts can call.
func (e *Engine) Functions() catalog.FunctionSet { return e.functions }

// Connectors are the connectors that scripts can name.
func (e *Engine) Connectors() *connectors.Registry { return e.registry }

// Catalog is the engine's catalog: what its sessions define.
func (e *Engine) Catalog() *catalog.Catalog { return e.catalog }

// Session makes a session whose definitions go into the engine's catalog, and
// with a data directory outlive the engine.
func (e *Engine) Session() *Session {
	s := e.session(e.catalog)
	s.kept = true
	return s
}

// Script makes a session whose definitions are its own: they stand over the
// engine's catalog and are seen by nobody else.
func (e *Engine) Script() *Session { return e.session(e.catalog.Script()) }

func (e *Engine) session(c *catalog.Catalog) *Session {
	return &Session{engine: e, planner: planner.New(planner.Options{
		Functions: e.functions, Connectors: e.registry, Folder: expr.Folder{}, Catalog: c, Infer: e.infer,
	})}
}

// infer gives the columns of a source that declares none.
func (e *Engine) infer(connector string, o catalog.Options) ([]catalog.Field, error) {
	c, err := e.registry.Connector(connector)
	if err != nil || c.Infer == nil {
		return nil, err
	}
	return c.Infer(o, e.env)
}

// save keeps the catalog for the next engine over the data directory.
func (e *Engine) save() error {
	e.saving.Lock()
	defer e.saving.Unlock()
	return e.store.Save(e.catalog.Definitions())
}

// Jobs lists the jobs with a name that run now, by name.
func (e *Engine) Jobs() []*Job {
	named := slices.DeleteFunc(e.running(), func(j *Job) bool { return j.name == "" })
	slices.SortFunc(named, func(a, b *Job) int { return strings.Compare(a.name, b.name) })
	return named
}

// running lists what runs now.
func (e *Engine) running() []*Job {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Collect(maps.Keys(e.jobs))
}

// Close stops all that runs, jobs with a commit, and waits for it. The error is that
// of jobs that failed meanwhile. Nothing can be started afterwards.
func (e *Engine) Close() error {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	var ending []*Job
	for _, j := range e.running() {
		select {
		case <-j.Job.Done(): // whoever waited for it has its error
		default:
			j.end()
			ending = append(ending, j)
		}
	}
	var errs []error
	for _, j := range ending {
		if err := j.Wait(); err != nil && !errors.Is(err, ErrFinished) && !errors.Is(err, ErrClosed) {
			errs = append(errs, j.named(err))
		}
	}
	return errors.Join(errs...)
}

// stateDir is where a job's state lives; "" for a job without a name, or an
// engine without a data directory.
func (e *Engine) stateDir(job string) string {
	if e.o.DataDir == "" || job == "" {
		return ""
	}
	return filepath.Join(e.o.DataDir, "jobs", fileName(job))
}

// fileName makes a name safe as a file name, and keeps different names apart.
func fileName(s string) string {
	var b []byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_', c == '.' && i > 0:
			b = append(b, c)
		default:
			b = fmt.Appendf(b, "%%%02X", c)
		}
	}
	return string(b)
}

// cores is the default parallelism.
func cores() int { return runtime.GOMAXPROCS(0) }

// lockedWriter keeps the writes of several sinks apart.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

// Write implements connectors.Output.
func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
