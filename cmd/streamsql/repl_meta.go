package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/streamsql/streamsql"
	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// metaHelp lists the meta commands; each may also begin with a backslash.
var metaHelp = [][2]string{
	{".help", "this list"},
	{".tables, .d", "sources, sinks and views"},
	{".d NAME", "the columns of one"},
	{".functions [TEXT]", "functions whose name holds TEXT"},
	{".function NAME", "what a function does"},
	{".connectors [NAME]", "connectors, or the options of one, or of a format"},
	{".settings", "settings and their values"},
	{".jobs", "jobs of this shell, with their progress"},
	{".stop JOB", "end a job with a commit"},
	{".read FILE", "run the statements of a file"},
	{".edit, .e", "edit the last statement in $EDITOR and run it"},
	{".format table|json|csv|tsv", "how rows are shown"},
	{".quit, .q", "leave; running jobs commit and stop"},
}

// meta runs a meta command; true: leave the shell.
func (sh *shell) meta(ctx context.Context, line string) bool {
	words := strings.Fields(strings.TrimRight(line[1:], ";"))
	if len(words) == 0 {
		return false
	}
	arg := strings.Join(words[1:], " ")
	switch words[0] {
	case "help", "h", "?":
		for _, h := range metaHelp {
			fmt.Fprintf(sh.msg, "  %-28s %s\n", h[0], h[1])
		}
	case "quit", "q", "exit":
		return true
	case "tables", "d", "dt":
		if arg != "" {
			sh.run(ctx, "DESCRIBE "+arg+";")
		} else {
			sh.tables()
		}
	case "functions", "df":
		sh.functions(arg)
	case "function":
		sh.function(arg)
	case "connectors":
		sh.connectors(arg)
	case "settings":
		sh.run(ctx, "SET;")
	case "format":
		sh.run(ctx, "SET 'format' = '"+strings.ReplaceAll(arg, "'", "''")+"';")
	case "jobs":
		for _, j := range sh.jobs {
			fmt.Fprintf(sh.msg, "  %-16s %-8s %s\n", j.Name(), state(j), progressLine(j.Progress()))
		}
	case "stop":
		sh.stop(arg)
	case "read", "i":
		text, err := os.ReadFile(arg)
		if err != nil {
			fmt.Fprintln(sh.msg, message(err))
			return false
		}
		sh.run(ctx, string(text))
	case "edit", "e":
		sh.edit(ctx)
	default:
		near := make([]string, len(metaHelp))
		for i, h := range metaHelp {
			near[i] = strings.TrimPrefix(strings.FieldsFunc(h[0], func(r rune) bool { return r == ' ' || r == ',' })[0], ".")
		}
		fmt.Fprintf(sh.msg, "no command .%s", words[0])
		if s := catalog.Suggest(words[0], near); s != "" {
			fmt.Fprintf(sh.msg, "; did you mean .%s?", s)
		}
		fmt.Fprintln(sh.msg, " (.help lists them)")
	}
	return false
}

func state(j *streamsql.Job) string {
	select {
	case <-j.Done():
		if err := j.Wait(); err != nil {
			return "failed"
		}
		return "ended"
	default:
		return "running"
	}
}

func (sh *shell) tables() {
	var rows [][]string
	for _, o := range sh.session.Catalog().Objects() {
		rows = append(rows, []string{o.ObjectName().String(), strings.ToLower(o.Kind())})
	}
	sh.show([]string{"name", "kind"}, rows)
}

// show prints a table of texts.
func (sh *shell) show(cols []string, rows [][]string) {
	w, err := newTextRows(sh.out, sh.session.Settings().Get(catalog.FormatKey), cols)
	if err == nil {
		err = w.write(rows)
	}
	if err != nil {
		fmt.Fprintln(sh.msg, message(err))
	}
}

func (sh *shell) functions(part string) {
	var rows [][]string
	seen := map[*catalog.Function]bool{}
	for _, name := range sh.eng.Functions().Names() {
		f, _ := sh.eng.Functions().Lookup(name)
		if seen[f] || !strings.Contains(name, strings.ToUpper(part)) {
			continue
		}
		seen[f] = true
		for _, sig := range f.Signatures {
			rows = append(rows, []string{f.Category, sig})
		}
	}
	slices.SortFunc(rows, slices.Compare)
	sh.show([]string{"category", "function"}, rows)
}

func (sh *shell) function(name string) {
	f, ok := sh.eng.Functions().Lookup(name)
	if !ok {
		fmt.Fprintf(sh.msg, "no function %s", name)
		if near := catalog.Suggest(name, sh.eng.Functions().Names()); near != "" {
			fmt.Fprintf(sh.msg, "; did you mean %s?", near)
		}
		fmt.Fprintln(sh.msg)
		return
	}
	for _, s := range f.Signatures {
		fmt.Fprintln(sh.msg, "  "+s)
	}
	fmt.Fprintln(sh.msg, "  "+f.Doc)
	for _, x := range f.Examples {
		fmt.Fprintf(sh.msg, "  %s  =  %s\n", x.SQL, x.Result)
	}
}

func (sh *shell) connectors(name string) {
	r := sh.eng.Connectors()
	if name == "" {
		var rows [][]string
		for _, n := range r.Names() {
			if c, ok := r.Lookup(n); ok && c.Name == n {
				use := ""
				if c.Source != nil {
					use = "source "
				}
				if c.Sink != nil {
					use += "sink"
				}
				doc, _, _ := strings.Cut(firstSentence(c.Doc), ":")
				rows = append(rows, []string{n, strings.TrimSpace(use), doc})
			}
		}
		sh.show([]string{"connector", "use", "what"}, rows)
		return
	}
	c, ok := r.Lookup(name)
	prefix := ""
	if !ok {
		if c, ok = r.LookupFormat(name); ok {
			prefix = c.Name + "."
		}
	}
	if !ok {
		_, err := r.Connector(name)
		fmt.Fprintln(sh.msg, message(err))
		return
	}
	if sh.session.Settings().Get(catalog.FormatKey) != "table" {
		var rows [][]string
		for _, o := range c.Options {
			rows = append(rows, []string{prefix + o.Name, o.Default, o.Doc})
		}
		sh.show([]string{"option", "default", "what"}, rows)
		return
	}
	// A table of these would be wider than any screen.
	fmt.Fprint(sh.out, wrap(c.Doc, ""))
	for _, o := range c.Options {
		fmt.Fprintf(sh.out, "  '%s'%s\n%s", prefix+o.Name, optionNote(o), wrap(o.Doc, "      "))
	}
}

// optionNote says what values an option takes.
func optionNote(o catalog.OptionSpec) string {
	switch {
	case o.Required:
		return " (required)"
	case o.Type == catalog.OptionEnum:
		return " (" + strings.Join(o.Values, ", ") + "; default " + o.Default + ")"
	case o.Default != "":
		return " (default " + o.Default + ")"
	}
	return ""
}

// screen is the width that texts are wrapped to.
const screen = 100

// wrap breaks a text into indented lines.
func wrap(text, indent string) string {
	var b strings.Builder
	width := 0
	for _, word := range strings.Fields(text) {
		switch {
		case width == 0:
			b.WriteString(indent)
		case width+1+len(word) > screen:
			b.WriteString("\n" + indent)
			width = 0
		default:
			b.WriteByte(' ')
			width++
		}
		if width == 0 {
			width = len(indent)
		}
		b.WriteString(word)
		width += len(word)
	}
	b.WriteByte('\n')
	return b.String()
}

func (sh *shell) stop(name string) {
	for _, j := range sh.jobs {
		if j.Name() == name {
			j.Stop()
			return
		}
	}
	fmt.Fprintf(sh.msg, "no job %s\n", name)
}

// edit opens the last statement in an editor and runs what comes back.
func (sh *shell) edit(ctx context.Context) {
	f, err := os.CreateTemp("", "streamsql-*.sql")
	if err != nil {
		fmt.Fprintln(sh.msg, message(err))
		return
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(sh.last)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	editor := os.Getenv("EDITOR")
	if editor == "" {
		editor = "vi"
	}
	if err == nil {
		cmd := exec.Command("sh", "-c", editor+` "$1"`, "sh", f.Name())
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		err = cmd.Run()
	}
	if err != nil {
		fmt.Fprintln(sh.msg, message(err))
		return
	}
	text, err := os.ReadFile(f.Name())
	if err != nil {
		fmt.Fprintln(sh.msg, message(err))
		return
	}
	fmt.Fprintln(sh.msg, strings.TrimRight(string(text), "\n"))
	if !parser.Complete(string(text)) {
		sh.buffer = strings.TrimRight(string(text), "\n")
		return
	}
	sh.run(ctx, string(text))
}
