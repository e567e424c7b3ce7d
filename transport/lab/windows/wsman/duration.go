package wsman

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// Years and months have no fixed length, so a duration with them is refused.
var durationForm = regexp.MustCompile(`^(-)?P(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,8})M)?(?:(\d{1,10}(?:\.\d{1,9})?)S)?)?$`)

// parseDuration reads an xs:duration such as PT60.000S.
func parseDuration(text string) (time.Duration, error) {
	p := durationForm.FindStringSubmatch(text)
	if p == nil || p[2]+p[3]+p[4]+p[5] == "" || text[len(text)-1] == 'T' {
		return 0, errors.New("no xs:duration")
	}
	var sum float64
	for i, unit := range []float64{24 * 3600, 3600, 60, 1} {
		if p[i+2] != "" {
			n, err := strconv.ParseFloat(p[i+2], 64)
			if err != nil {
				return 0, err
			}
			sum += n * unit
		}
	}
	if p[1] != "" {
		sum = -sum
	}
	const most = 100 * 365 * 24 * 3600
	return time.Duration(min(max(sum, -most), most) * float64(time.Second)), nil
}

// duration is how WinRM writes one.
func duration(d time.Duration) string { return fmt.Sprintf("PT%.3fS", d.Seconds()) }
