package serve

import (
	"errors"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Parse parses the arguments of a command that takes flags only. Its faults are of type [UsageError], and
// [flag.ErrHelp].
func Parse(flags *flag.FlagSet, args []string) error {
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return err
	case err != nil:
		return UsageError{err}
	case flags.NArg() > 0:
		return UsageError{fmt.Errorf("unexpected argument %q: every setting is a flag", flags.Arg(0))}
	}
	return nil
}

// CountFlag defines the flag --count, which adds to the numbers of objects by kind.
func CountFlag(flags *flag.FlagSet, counts *map[string]int) {
	flags.Func("count", "`kind=number` of objects of one kind, overruling --objects; repeatable", func(text string) error {
		kind, number, _ := strings.Cut(text, "=")
		n, err := strconv.Atoi(number)
		if err != nil {
			return errors.New("want kind=number, such as charges=500")
		}
		if *counts == nil {
			*counts = map[string]int{}
		}
		(*counts)[kind] = n
		return nil
	})
}

// FailFlag defines the flag --fail, which calls add with each way to fail and the share of the requests that do.
func FailFlag(flags *flag.FlagSet, modes string, add func(mode string, share float64)) {
	flags.Func("fail", "`mode=share` of the requests that fail so, as bad_gateway=0.01; repeatable ("+modes+")", func(text string) error {
		mode, number, _ := strings.Cut(text, "=")
		share, err := strconv.ParseFloat(number, 64)
		if err != nil || share <= 0 {
			return errors.New("want mode=share, such as bad_gateway=0.01")
		}
		add(mode, share)
		return nil
	})
}

// KeyFlag defines a flag of secrets that open the fake, each for everything or, behind a "=", for the things named.
func KeyFlag(flags *flag.FlagSet, name, usage string, add func(secret string, only []string)) {
	flags.Func(name, usage, func(text string) error {
		secret, list, narrow := strings.Cut(text, "=")
		var only []string
		if narrow {
			only = strings.Split(list, ",")
		}
		add(secret, only)
		return nil
	})
}

// NowFlag defines the flag --now. start is where the clock stands without it.
func NowFlag(flags *flag.FlagSet, start time.Time, now *time.Time) {
	flags.Func("now", "`time` at which the clock stands, as "+start.Format(time.RFC3339)+" (the default)", func(text string) (err error) {
		*now, err = time.Parse(time.RFC3339, text)
		return err
	})
}
