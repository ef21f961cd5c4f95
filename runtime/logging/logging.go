// Package logging logs the calls of a client with log/slog.
package logging

import (
	"context"
	"log/slog"

	"github.com/closekit/closekit"
)

// Logger logs every attempt at level Debug and every failure at level Warn:
// tool, method, path template, attempt, status, duration and error, nothing else.
// If l is nil, nothing is logged.
func Logger(l *slog.Logger) closekit.Option {
	if l == nil {
		return closekit.Observe(nil)
	}
	return closekit.Observe(func(ctx context.Context, a closekit.AttemptLog) {
		level := slog.LevelDebug
		attrs := make([]slog.Attr, 0, 7)
		attrs = append(attrs, slog.String("tool", a.Operation.Tool), slog.String("method", a.Operation.Method), slog.String("path", a.Path),
			slog.Int("attempt", a.Attempt), slog.Duration("duration", a.Duration))
		if a.Status != 0 {
			attrs = append(attrs, slog.Int("status", a.Status))
		}
		if a.Err != nil {
			attrs = append(attrs, slog.String("error", a.Err.Error()))
		}
		if a.Err != nil || a.Status >= 400 {
			level = slog.LevelWarn
		}
		l.LogAttrs(ctx, level, "close call", attrs...)
	})
}
