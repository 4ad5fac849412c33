package singer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"syscall"
	"time"
)

// finish ends the session: counts, summary, and as the very last line why the run failed. It returns the exit code.
func (s *session) finish(err error) int {
	ended := time.Now()
	code := s.exitCode(err)
	if s.progress != nil {
		s.console.drawAbove(nil)
		s.progress.end()
	}
	if s.endTicks != nil {
		s.endTicks()
		s.metrics.endStreams(s.started, status(code))
		s.metrics.flush()
		s.showSummary(ended, code)
	}
	if s.flags.summaryFile != "" {
		if err := s.writeSummary(ended, code, err); err != nil {
			s.log.Warn("the summary could not be written: " + err.Error())
		}
	}
	if err != nil {
		s.diagnose(err)
	}
	return code
}

func (s *session) exitCode(err error) int {
	var config *ConfigError
	switch {
	case err == nil:
		return ExitOK
	case s.signal != nil:
		if number, ok := s.signal.Signal.(syscall.Signal); ok {
			return 128 + int(number)
		}
		return ExitFailure
	case errors.As(err, &config):
		return ExitUsage
	case errors.Is(err, ErrCredentials):
		return ExitCredentials
	case errors.Is(err, ErrUnavailable):
		return ExitUnavailable
	}
	return ExitFailure
}

// status is a run's outcome in one word.
func status(code int) string {
	switch {
	case code == ExitOK:
		return "succeeded"
	case code > 128:
		return "interrupted"
	}
	return "failed"
}

// diagnose prints why the run failed; its last line is the reason, on one line.
func (s *session) diagnose(err error) {
	var config *ConfigError
	var defect *panicError
	switch {
	case s.signal == nil && errors.As(err, &config) && len(config.Faults) > 1:
		for _, fault := range config.Faults {
			s.log.Error(fault)
		}
	case errors.As(err, &defect):
		s.log.Debug("where it happened", "stack", string(defect.stack))
	}
	s.log.Log(context.Background(), levelCritical, s.program.name+": "+s.reason(err))
}

// reason is the failure in one line.
func (s *session) reason(err error) string {
	var config *ConfigError
	switch {
	case err == nil:
		return ""
	case s.signal != nil && errors.Is(err, context.Canceled):
		return s.signal.Error() + "; the next run goes on from the last state written"
	case s.signal != nil:
		return s.signal.Error() + ": " + oneLine(err.Error())
	case errors.As(err, &config) && len(config.Faults) > 1:
		return fmt.Sprintf("%s has %d faults, listed above", config.Source, len(config.Faults))
	}
	return oneLine(err.Error())
}

// logSummary is the summary of a run that no person watches.
func (s *session) logSummary(stats []streamStat, seconds float64, code int) {
	var rows int64
	for _, stat := range stats {
		rows += stat.Rows
	}
	s.log.Info(status(code), slog.Int("streams", len(stats)), slog.Int64("rows", rows),
		slog.Float64("seconds", float64(int64(seconds*1000))/1000))
}
