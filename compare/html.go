package compare

import (
	"fmt"
	"html/template"
	"io"
	"math"

	"ergorecorder/escape"
)

// HTML writes a comparison as a page that needs nothing else.
func HTML(w io.Writer, c *Comparison) error {
	if err := page().Execute(w, c); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

func page() *template.Template {
	return template.Must(template.New("page").Funcs(template.FuncMap{
		"line": escape.Line,
		"at": func(s Stretch) string {
			return s.From.UTC().Format("2006-01-02 15:04:05") + " to " + s.To.UTC().Format("15:04:05")
		},
		"bar": func(x Change) int {
			return int(min(100, 100*math.Abs(math.Log2(max(x.Ratio, 1.0/1024)))/2))
		},
	}).Parse(pageText))
}

const pageText = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Comparison</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body{font:15px/1.45 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1c1e21;background:#fff}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #ddd;vertical-align:top}
.bar{background:#b3541e;height:.5rem;min-width:2px}.by td{color:#666}.note{color:#555}
@media(prefers-color-scheme:dark){body{background:#16181b;color:#e4e6e8}th,td{border-color:#333}.by td,.note{color:#999}}
</style>
<h1>{{line .Conclusion}}</h1>
<p>Before: {{line .Before.Name}}, {{at .Before}}, {{range .Before.Nodes}}{{line .}} {{end}}<br>
After: {{line .After.Name}}, {{at .After}}, {{range .After.Nodes}}{{line .}} {{end}}</p>
{{range .Planned}}<p><strong>{{line .Text}}</strong></p>{{end}}
{{if .Changes}}<table><thead><tr><th></th><th>What changed</th><th>By how much</th><th>Explained by</th></tr></thead><tbody>
{{range .Changes}}<tr id="{{.Label}}"{{if .ExplainedBy}} class="by"{{end}}><td>{{.Label}}</td><td>{{line .Text}}{{range .Functions}}<br><span class="note">{{line .}}</span>{{end}}</td><td><div class="bar" style="width:{{bar .}}%"></div></td><td>{{if .ExplainedBy}}<a href="#{{.ExplainedBy}}">{{.ExplainedBy}}</a>{{end}}</td></tr>
{{end}}</tbody></table>{{end}}
{{if .Open}}<h2>Not settled</h2><ul>{{range .Open}}<li>{{line .}}</li>{{end}}</ul>{{end}}
{{if .Left}}<h2>Not compared</h2><ul>{{range .Left}}<li>{{line .}}</li>{{end}}</ul>{{end}}
<p class="note">{{.Questions}} questions were asked{{if .Unasked}}, of {{.Unasked}} more measures there were too few answers{{end}}; what is claimed stands after correction for their number.</p>
</html>
`
