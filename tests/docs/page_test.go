package docs

import (
	"fmt"
	"strings"
)

// block is a fenced block of a page.
type block struct {
	lang, arg string
	line      int // of the fence, from 1
	text      string
	output    *block // what it must print
	exit      int
}

// page is a Markdown page cut at its fences.
type page struct {
	lines  []string
	blocks []*block
}

// parsePage finds the blocks of a page.
func parsePage(text string) (*page, error) {
	p := &page{lines: strings.Split(text, "\n")}
	var open, last *block
	var body []string
	for i, line := range p.lines {
		switch {
		case !strings.HasPrefix(line, "```"):
			if open != nil {
				body = append(body, line)
			}
		case open == nil:
			lang, arg, _ := strings.Cut(strings.TrimPrefix(line, "```"), " ")
			open, body = &block{lang: lang, arg: arg, line: i + 1}, nil
		default:
			open.text = strings.Join(append(body, ""), "\n")
			if open.lang == "output" {
				if last == nil || last.output != nil {
					return nil, fmt.Errorf("line %d: an output without a block before it", open.line)
				}
				last.output = open
				if open.arg != "" {
					if _, err := fmt.Sscanf(open.arg, "exit %d", &last.exit); err != nil {
						return nil, fmt.Errorf("line %d: %q after output; want: exit N", open.line, open.arg)
					}
				}
				last = nil
			} else {
				p.blocks = append(p.blocks, open)
				last = nil
				if open.runs() {
					last = open
				}
			}
			open = nil
		}
	}
	if open != nil {
		return nil, fmt.Errorf("line %d: a block without end", open.line)
	}
	return p, nil
}

func (b *block) runs() bool { return b.arg == "" && (b.lang == "sh" || b.lang == "sql") }

func (b *block) isFile() bool { return b.arg != "" && b.lang != "output" }

// rewritten gives the page with the outputs replaced.
func (p *page) rewritten(outputs map[*block]string) string {
	lines := p.lines
	for i := len(p.blocks) - 1; i >= 0; i-- {
		out := p.blocks[i].output
		text, ok := outputs[out]
		if out == nil || !ok {
			continue
		}
		end := out.line + strings.Count(out.text, "\n")
		var body []string
		if text != "" {
			body = strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		}
		lines = append(append(append([]string{}, lines[:out.line]...), body...), lines[end:]...)
	}
	return strings.Join(lines, "\n")
}
