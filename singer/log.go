package singer

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// levelCritical marks the line that says why a run failed.
const levelCritical = slog.Level(12)

type logLevel struct {
	level slog.Level
	name  string // as logging in Python spells it, which is what Singer's runners know
	human string
	color string // ANSI code
}

var levels = []logLevel{
	{slog.LevelDebug, "debug", "DEBUG", "2"},
	{slog.LevelInfo, "info", "INFO", "36"},
	{slog.LevelWarn, "warning", "WARN", "33"},
	{slog.LevelError, "error", "ERROR", "31"},
	{levelCritical, "critical", "CRITICAL", "1;31"},
}

// levelNames are the values of --log-level.
func levelNames() []string {
	var names []string
	for _, l := range levels {
		names = append(names, l.name)
	}
	return names
}

// parseLevel reads a level's name in any case, with the short forms that are about.
func parseLevel(name string) (slog.Level, bool) {
	name = strings.ToLower(name)
	for _, l := range levels {
		if name == l.name || name == strings.ToLower(l.human) || name == "fatal" && l.level == levelCritical {
			return l.level, true
		}
	}
	return slog.LevelInfo, false
}

// logHandler prints one line per record in the form that format gives it. The attribute "stream" names the Singer
// stream, "metric_info" holds the JSON of a METRIC line.
type logHandler struct {
	out    io.Writer // takes whole lines, from several goroutines
	level  slog.Level
	format func(logLine) []byte
	group  string // prefix of attribute names
	attrs  []slog.Attr
}

// logLine is a record with its attributes sorted out.
type logLine struct {
	time    time.Time
	level   slog.Level
	message string
	stream  string
	metric  json.RawMessage
	attrs   []slog.Attr
}

func (h *logHandler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level }

func (h *logHandler) Handle(_ context.Context, r slog.Record) error {
	line := logLine{time: r.Time, level: r.Level, message: r.Message}
	for _, a := range h.attrs {
		line.add("", a)
	}
	r.Attrs(func(a slog.Attr) bool {
		line.add(h.group, a)
		return true
	})
	_, err := h.out.Write(h.format(line))
	return err
}

func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	with.attrs = append([]slog.Attr{}, h.attrs...)
	for _, a := range attrs {
		a.Key = h.group + a.Key
		with.attrs = append(with.attrs, a)
	}
	return &with
}

func (h *logHandler) WithGroup(name string) slog.Handler {
	with := *h
	if name != "" {
		with.group += name + "."
	}
	return &with
}

// add takes an attribute in, groups as dotted names.
func (l *logLine) add(prefix string, a slog.Attr) {
	a.Value = a.Value.Resolve()
	if a.Value.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, inner := range a.Value.Group() {
			l.add(prefix, inner)
		}
		return
	}
	a.Key = prefix + a.Key
	switch {
	case a.Equal(slog.Attr{}):
	case a.Key == "stream":
		l.stream = a.Value.String()
	case a.Key == metricKey:
		l.metric, _ = a.Value.Any().(json.RawMessage)
	default:
		l.attrs = append(l.attrs, a)
	}
}

// plainLine is LEVEL message key=value, which is what runners look through for METRIC lines.
func plainLine(l logLine) []byte {
	return append(l.text(append([]byte(levelOf(l.level).human), ' ')), '\n')
}

// terminal formats lines for a person: the time of day, the level in its colour, and the program of that name, as the
// two programs of a pipe write to one terminal. The last line of a run that failed names it by itself.
func terminal(name string) func(logLine) []byte {
	speaker := name + ": "
	return func(l logLine) []byte {
		level := levelOf(l.level)
		dst := l.time.AppendFormat(nil, "15:04:05 ")
		dst = append(dst, "\x1b["+level.color+"m"+level.human+"\x1b[0m "...)
		if !strings.HasPrefix(l.message, speaker) {
			dst = append(dst, speaker...)
		}
		return append(l.text(dst), '\n')
	}
}

// text appends what was said, with its attributes.
func (l logLine) text(dst []byte) []byte {
	if l.stream != "" {
		dst = append(append(append(dst, "stream="...), quoteValue(l.stream)...), ' ')
	}
	dst = append(dst, oneLine(l.message)...)
	for _, a := range l.attrs {
		dst = append(append(append(append(dst, ' '), a.Key...), '='), quoteValue(a.Value.String())...)
	}
	return dst
}

func levelOf(level slog.Level) logLevel {
	best := levels[0]
	for _, l := range levels {
		if level >= l.level {
			best = l
		}
	}
	return best
}

// quoteValue quotes text that would not read as one word.
func quoteValue(text string) string {
	if text == "" || strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r) || r == '"' || r == '='
	}) {
		return strconv.Quote(text)
	}
	return text
}

// oneLine keeps what a terminal would act on, line ends above all, out of a message.
func oneLine(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text))
}

// structuredLine is the JSON that Meltano 4 reads from plugins with the capability structured-logging; it takes a line
// for plain text when one of the keys from level to message is absent. Its console shows the message alone, which
// therefore says what extra says for programs.
//
// https://sdk.meltano.com/en/latest/implementation/logging.html
type structuredLine struct {
	Level   string          `json:"level"`
	PID     int             `json:"pid"`
	Logger  string          `json:"logger_name"`
	Time    json.Number     `json:"ts"` // seconds since 1970
	Thread  string          `json:"thread_name"`
	App     string          `json:"app_name"`
	Stream  *string         `json:"stream_name"`
	Message string          `json:"message"`
	Extra   map[string]any  `json:"extra"`
	Metric  json.RawMessage `json:"metric_info,omitempty"`
}

// structured formats lines as JSON for the program of that name.
func structured(name string) func(logLine) []byte {
	return func(l logLine) []byte {
		line := structuredLine{
			Level: levelOf(l.level).name, PID: os.Getpid(), Logger: name, App: name, Thread: "main",
			Time:    json.Number(strconv.FormatFloat(float64(l.time.UnixMicro())/1e6, 'f', 6, 64)),
			Message: string(l.text(nil)), Extra: map[string]any{}, Metric: l.metric,
		}
		if l.stream != "" {
			line.Stream = &l.stream
		}
		for _, a := range l.attrs {
			line.Extra[a.Key] = extraValue(a.Value)
		}
		text, err := marshal(line)
		if err != nil { // a value that encoding/json cannot take
			for _, a := range l.attrs {
				line.Extra[a.Key] = a.Value.String()
			}
			text, _ = marshal(line)
		}
		return append(text, '\n')
	}
}

func extraValue(value slog.Value) any {
	switch inner := value.Any().(type) {
	case time.Duration:
		return inner.Seconds()
	case error:
		return inner.Error()
	case fmt.Stringer:
		return inner.String()
	default:
		return inner
	}
}

// marshal encodes like json.Marshal but leaves <, > and & as they are.
func marshal(value any) ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	err := e.Encode(value)
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), err
}
