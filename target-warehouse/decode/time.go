package decode

import "time"

const (
	noTime  = "is not a date-time of the years 0001 to 9999 such as 2024-05-01T10:00:00Z"
	tooFine = "is finer than a microsecond"
	noDate  = "is not a date of the years 0001 to 9999 such as 2024-05-01"
	noDay   = "has a time of day, which a date would lose"
)

const (
	microsecond  = 1
	second       = 1_000_000 * microsecond
	minute       = 60 * second
	hour         = 60 * minute
	microsPerDay = 24 * hour
)

// The first moment of year 1 and the first beyond year 9999.
var (
	firstMoment = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	lastMoment  = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro() - 1
)

// timestamp reads a moment as microseconds since 1970 UTC. Beside RFC 3339 it takes what taps really send where that
// can mean one thing only: a space or t for T, z and UTC for Z, offsets +02 and +0200, a space ahead of Z or an offset,
// no seconds, no offset (read as UTC, as taps without time zones mean it), and a date alone (its midnight UTC). A 60th
// second and 24 o'clock are refused: turning them into the next moment would change the value. So are digits other than 0
// behind the microsecond.
func timestamp(text []byte) (micros int64, problem string) {
	m, problem := moment(text)
	if problem != "" {
		return 0, problem
	}
	micros = m.day*microsPerDay + m.clock - m.offset
	if micros < firstMoment || micros > lastMoment {
		return 0, noTime
	}
	return micros, ""
}

// date reads a day as days since 1970. Taps that write every day as a date-time at midnight are understood, unless it
// is a midnight elsewhere than in UTC, where the day could be another.
func date(text []byte) (days int32, problem string) {
	m, problem := moment(text)
	switch {
	case problem == tooFine || problem == "" && (m.clock != 0 || m.offset != 0):
		return 0, noDay
	case problem != "":
		return 0, noDate
	}
	return int32(m.day), ""
}

// parsed is a moment as its text says it: the day since 1970, the time of that day and the offset from UTC in
// microseconds.
type parsed struct{ day, clock, offset int64 }

func moment(text []byte) (m parsed, problem string) {
	var ok bool
	if m.day, ok = calendarDay(text); !ok {
		return m, noTime
	}
	if len(text) == len("2024-05-01") {
		return m, ""
	}
	if c := text[10]; c != 'T' && c != 't' && c != ' ' {
		return m, noTime
	}
	rest := text[11:]
	if m.clock, rest, ok = hoursMinutes(rest, true); !ok {
		return m, noTime
	}
	if len(rest) >= 3 && rest[0] == ':' {
		seconds := pair(rest[1:], 59)
		if seconds < 0 {
			return m, noTime
		}
		m.clock += seconds * second
		fraction, end, problem := fractionOf(rest[3:])
		if problem != "" {
			return m, problem
		}
		m.clock, rest = m.clock+fraction, rest[3+end:]
	}
	if m.offset, ok = offset(rest); !ok {
		return m, noTime
	}
	return m, ""
}

var daysIn = [...]int64{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// calendarDay reads YYYY-MM-DD at the start of text as days since 1970.
func calendarDay(text []byte) (day int64, ok bool) {
	if len(text) < 10 || text[4] != '-' || text[7] != '-' {
		return 0, false
	}
	century, years, month, dayOfMonth := pair(text, 99), pair(text[2:], 99), pair(text[5:], 12), pair(text[8:], 31)
	year := century*100 + years
	if century < 0 || years < 0 {
		return 0, false
	}
	return dayOf(year, month, dayOfMonth)
}

// dayOf returns the days since 1970 of a date of the years 0001 to 9999, counted in years that begin with March: so the
// day that only leap years have is the last, and the months ahead of any are 153 days in five (Howard Hinnant,
// https://howardhinnant.github.io/date_algorithms.html#days_from_civil).
func dayOf(year, month, dayOfMonth int64) (day int64, ok bool) {
	if year < 1 || month < 1 || month > 12 || dayOfMonth < 1 {
		return 0, false
	}
	last := daysIn[month]
	if month == 2 && year%4 == 0 && (year%100 != 0 || year%400 == 0) {
		last = 29
	}
	if month -= 3; month < 0 {
		month, year = month+12, year-1
	}
	const before1970 = 719_468 // days from the March of year 0
	day = year*365 + year/4 - year/100 + year/400 + (153*month+2)/5 + dayOfMonth - 1 - before1970
	return day, dayOfMonth <= last
}

// hoursMinutes reads HH:MM, and also HHMM and HH unless the colon must be there.
func hoursMinutes(text []byte, colon bool) (micros int64, rest []byte, ok bool) {
	hours := pair(text, 23)
	if hours < 0 {
		return 0, nil, false
	}
	if rest = text[2:]; len(rest) == 0 && !colon {
		return hours * hour, rest, true
	}
	if len(rest) > 0 && rest[0] == ':' {
		rest = rest[1:]
	} else if colon {
		return 0, nil, false
	}
	minutes := pair(rest, 59)
	if minutes < 0 {
		return 0, nil, false
	}
	return hours*hour + minutes*minute, rest[2:], true
}

// fractionOf reads the fraction of a second, if text begins with one, and returns the index behind it.
func fractionOf(text []byte) (micros int64, end int, problem string) {
	if len(text) == 0 || text[0] != '.' {
		return 0, 0, ""
	}
	scale := int64(second)
	for end = 1; end < len(text) && text[end]-'0' <= 9; end++ {
		digit := int64(text[end] - '0')
		if scale /= 10; scale == 0 && digit != 0 {
			return 0, 0, tooFine
		}
		micros += digit * scale
	}
	if end == 1 {
		return 0, 0, noTime
	}
	return micros, end, ""
}

// offset reads what stands behind the time of day: nothing, Z, UTC, or an offset from it.
func offset(text []byte) (micros int64, ok bool) {
	if len(text) > 1 && text[0] == ' ' {
		text = text[1:]
	}
	switch string(text) {
	case "", "Z", "z", "UTC":
		return 0, true
	}
	micros, rest, ok := hoursMinutes(text[1:], false)
	switch {
	case !ok || len(rest) > 0:
		return 0, false
	case text[0] == '-':
		return -micros, true
	}
	return micros, text[0] == '+'
}

// pair reads two digits; -1 if they are not there or above most.
func pair(text []byte, most int64) int64 {
	if len(text) < 2 || text[0]-'0' > 9 || text[1]-'0' > 9 {
		return -1
	}
	v := int64(text[0]-'0')*10 + int64(text[1]-'0')
	if v > most {
		return -1
	}
	return v
}
