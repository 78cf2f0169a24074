package mime

import (
	"bytes"
	"strings"
)

// TrimReply separates what is newly written in a reply from what it quotes:
// lines marked with ">", and all that follows an "original message" line, the
// header block of Outlook, or an unmarked "On …, … wrote:". Signatures count
// as written. Every line of text is in one of the two, in order. What is
// forwarded is not quoted: it is new to us. Where nothing at all seems newly
// written, all of text is own.
func TrimReply(text string) (own, quoted string) {
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	quote := make([]bool, len(lines))
	keys := make([]byte, len(lines))
	for i, line := range lines {
		keys[i] = headerKey(line)
	}
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if beginsForward(line) {
			break
		}
		if isQuoted(line) {
			quote[i] = true
			continue
		}
		start := -1
		rest := true // what follows is quoted too, to the end
		switch {
		case isBlankText(line):
		case isSeparator(line) || isHeaderBlock(lines[i:], keys[i:]):
			start = ruleAbove(lines, i)
		default:
			if start = attributionStart(lines, i); start >= 0 {
				next := nextText(lines, i+1)
				rest = next < 0 || !isQuoted(lines[next])
			}
		}
		if start < 0 {
			continue
		}
		end := i
		if rest {
			end = len(lines) - 1
		}
		for j := start; j <= end; j++ {
			quote[j] = true
		}
		i = end
	}
	return split(lines, quote, text)
}

// split hands out the lines. A blank line goes with its neighbours.
func split(lines []string, quote []bool, text string) (own, quoted string) {
	var a, b []string
	for i, line := range lines {
		if isBlankText(line) && i > 0 && quote[i-1] {
			next := nextText(lines, i)
			quote[i] = quote[i] || next < 0 || quote[next]
		}
		if quote[i] {
			b = append(b, line)
			if len(a) > 0 && !isBlankText(a[len(a)-1]) {
				a = append(a, "") // what stood apart stays apart
			}
			continue
		}
		if len(a) > 0 && isBlankText(line) && isBlankText(a[len(a)-1]) && i > 0 && quote[i-1] {
			continue
		}
		a = append(a, line)
	}
	own = strings.Trim(strings.Join(a, "\n"), "\n")
	if isBlankText(own) {
		return text, ""
	}
	return strings.TrimRight(own, " \t\n"), strings.Trim(strings.Join(b, "\n"), "\n")
}

func isBlankText(s string) bool { return strings.TrimSpace(s) == "" }

// isQuoted reports whether a line is marked as quoted.
func isQuoted(line string) bool {
	return strings.HasPrefix(strings.TrimLeft(line, " \t"), ">")
}

// nextText returns the index of the first line from i on that is not blank, or
// -1.
func nextText(lines []string, i int) int {
	for ; i < len(lines); i++ {
		if !isBlankText(lines[i]) {
			return i
		}
	}
	return -1
}

// ruleAbove returns the index of the line of dashes that stands before line i,
// or i.
func ruleAbove(lines []string, i int) int {
	for j := i - 1; j >= 0 && j >= i-3; j-- {
		s := strings.TrimSpace(lines[j])
		if s == "" {
			continue
		}
		if len(s) >= 5 && strings.Trim(s, "-_=*") == "" {
			return j
		}
		break
	}
	return i
}

// separators stand between dashes above a quoted message, in lower case.
var separators = []string{
	"original message", "ursprüngliche nachricht", "originalnachricht", "original-nachricht", "message d'origine", "message d’origine", "message original", "mensaje original",
	"mensagem original", "messaggio originale", "oorspronkelijk bericht", "original meddelande", "ursprungligt meddelande", "oprindelig meddelelse", "opprinnelig melding", "alkuperäinen viesti", "wiadomość oryginalna",
	"původní zpráva", "исходное сообщение", "пересланное сообщение", "原始邮件", "原始郵件", "元のメッセージ", "원본 메시지",
}

// isSeparator recognises "-----Original Message-----".
func isSeparator(line string) bool {
	s := strings.TrimSpace(line)
	if !strings.HasPrefix(s, "--") && !strings.HasPrefix(s, "__") && !strings.HasPrefix(s, "==") {
		return false
	}
	s = strings.ToLower(strings.Trim(s, "-_= "))
	for _, w := range separators {
		if s == w {
			return true
		}
	}
	return false
}

// beginsForward recognises the line above a forwarded message.
func beginsForward(line string) bool {
	s := strings.ToLower(strings.Trim(line, "-_=*: \t"))
	switch s {
	case "forwarded message", "begin forwarded message", "forwarded by", "weitergeleitete nachricht", "anfang der weitergeleiteten nachricht", "message transféré", "début du message transféré",
		"mensaje reenviado", "mensagem encaminhada", "messaggio inoltrato", "inizio messaggio inoltrato", "doorgestuurd bericht", "vidarebefordrat meddelande", "転送メッセージ", "转发的邮件", "轉寄的郵件":
		return true
	}
	return strings.HasPrefix(s, "forwarded message ") && strings.HasPrefix(strings.TrimSpace(line), "--")
}

// headerKeys are what Outlook and others call the fields of a quoted header,
// in lower case, and which field each is.
var headerKeys = map[string]byte{
	"from": 'f', "von": 'f', "de": 'f', "da": 'f', "от": 'f', "від": 'f', "från": 'f', "fra": 'f', "van": 'f', "od": 'f', "lähettäjä": 'f', "差出人": 'f', "发件人": 'f', "寄件者": 'f', "보낸 사람": 'f',
	"sent": 'd', "date": 'd', "gesendet": 'd', "datum": 'd', "envoyé": 'd', "enviado": 'd', "enviado el": 'd', "fecha": 'd', "data": 'd', "inviato": 'd', "отправлено": 'd', "дата": 'd', "skickat": 'd', "sendt": 'd', "verzonden": 'd', "wysłano": 'd', "lähetetty": 'd', "送信日時": 'd', "发送时间": 'd', "寄件日期": 'd', "보낸 날짜": 'd',
	"to": 't', "an": 't', "à": 't', "para": 't', "a": 't', "кому": 't', "till": 't', "til": 't', "aan": 't', "do": 't', "vastaanottaja": 't', "宛先": 't', "收件人": 't', "收件者": 't', "받는 사람": 't',
	"subject": 's', "betreff": 's', "objet": 's', "asunto": 's', "assunto": 's', "oggetto": 's', "тема": 's', "ämne": 's', "emne": 's', "onderwerp": 's', "temat": 's', "aihe": 's', "件名": 's', "主题": 's', "主旨": 's', "제목": 's',
	"cc": 'c',
}

// headerKey returns which field of a quoted header a line is, 0 for none.
func headerKey(line string) byte {
	s := strings.TrimLeft(line, " \t*")
	i := strings.IndexAny(s, ":：")
	if i <= 0 || i > 40 {
		return 0
	}
	return headerKeys[strings.ToLower(strings.Trim(s[:i], " *\u00a0"))]
}

// isHeaderBlock recognises the header that mail programs put above what they
// quote: sender or date first, and three fields in all.
func isHeaderBlock(lines []string, keys []byte) bool {
	if keys[0] != 'f' && keys[0] != 'd' {
		return false
	}
	seen := make([]byte, 0, 5)
	for misses, i := 0, 0; i < len(lines) && i < 10 && misses < 3 && !isBlankText(lines[i]); i++ {
		switch {
		case keys[i] == 0:
			misses++ // a field that goes on
		case bytes.IndexByte(seen, keys[i]) < 0:
			seen = append(seen, keys[i])
		}
	}
	return len(seen) >= 3 && bytes.IndexByte(seen, 'f') >= 0
}

// wroteVerbs end the line that says whose words follow, in lower case.
var wroteVerbs = []string{
	"wrote", "writes", "schrieb", "schrieb am", "a écrit", "escribió", "ha scritto", "escreveu", "napisał(a)", "napisał", "napisała", "написал", "написала", "написал(а)", "пише", "пишет", "skrev", "schreef", "kirjoitti", "napsal(a)", "写道", "寫道", "のメッセージ", "님이 작성", "geschreven", "yazdı",
}

// wroteOpeners begin such a line, in lower case.
var wroteOpeners = []string{"on ", "am ", "le ", "el ", "il ", "em ", "den ", "op ", "w dniu ", "dnia ", "at ", "pe ", "mon", "tue", "wed", "thu", "fri", "sat", "sun", "в ", "在 ", "20", "ha scritto"}

// attributionStart returns the first line of the "On …, … wrote:" that ends at
// line i, or -1. Mail programs fold it over up to four lines.
func attributionStart(lines []string, i int) int {
	end := strings.TrimRight(lines[i], " \t*_")
	colon := strings.HasSuffix(end, ":") || strings.HasSuffix(end, "：")
	if !colon || len(end) > 300 {
		return -1
	}
	next := nextText(lines, i+1)
	marked := next >= 0 && isQuoted(lines[next])
	if !marked && !saysWrote(strings.ToLower(end)) {
		return -1
	}
	for j, joined := i, ""; j >= 0 && j > i-4 && !isBlankText(lines[j]) && !isQuoted(lines[j]); j-- {
		joined = strings.TrimSpace(lines[j]) + " " + joined
		low := strings.ToLower(strings.Trim(joined, "-*_ \t"))
		if !opens(low) {
			continue
		}
		if isAttribution(low, marked) {
			return j
		}
	}
	if low := strings.ToLower(strings.TrimSpace(end)); isAttribution(low, marked) {
		return i
	}
	return -1
}

// opens reports whether a line can begin an attribution.
func opens(low string) bool {
	if low != "" && '0' <= low[0] && low[0] <= '9' {
		return true
	}
	for _, o := range wroteOpeners {
		if strings.HasPrefix(low, o) {
			return true
		}
	}
	return false
}

// isAttribution reports whether a text in lower case says whose words follow:
// by its last words and a date or an address in it or, above marked lines, by
// a date and an address.
func isAttribution(low string, marked bool) bool {
	dated := strings.ContainsAny(low, "0123456789")
	addressed := strings.Contains(low, "@")
	if saysWrote(low) {
		return dated || addressed || marked
	}
	return marked && dated && (addressed || strings.Contains(low, "<"))
}

// saysWrote reports whether a text in lower case ends by saying that somebody
// wrote; in German and Korean the name comes after the verb.
func saysWrote(low string) bool {
	end := strings.TrimRight(low, ":： ")
	for _, v := range wroteVerbs {
		if strings.HasSuffix(end, v) {
			return true
		}
	}
	return strings.Contains(low, " schrieb ") || strings.Contains(low, "님이 ")
}
