package demo

import "time"

// ending is how far a story goes.
type ending int

const (
	stays     ending = iota // nobody has touched it
	assigned                // somebody has taken it
	drafted                 // an answer is being written
	inReview                // an answer waits for approval
	answered                // answered in time
	late                    // answered after its target
	talked                  // answered, asked back, answered again
	closed                  // answered and closed
	setAside                // spam, by hand or by rule
	declined                // the approver sent the answer back; it was mended and sent
	uncertain               // nobody knows whether the relay took the answer
)

// story is one matter of the demonstration.
type story struct {
	days    float64 // before now, of its arrival
	portal  bool    // by the report page; else by mail
	hidden  bool    // anonymous, by the report page
	name    string
	address string
	to      string // local part of the channel
	subject string
	text    string
	file    string // name of an attached text file
	answer  string
	back    string // what the sender wrote after the answer
	ending  ending
}

const domain = "northwind-cloud.example"

const (
	security = "security@" + domain
	support  = "support@" + domain
	privacy  = "privacy@" + domain
)

// thanks is the answer of stories that bring none of their own.
const thanks = "Thank you for telling us. We have looked into it, and this is what we found:\n\nThe matter is understood and is being dealt with. We will write again as soon as there is something new, and at the latest in five working days.\n\nIf anything changes on your side, answer this mail; it reaches the same people."

// stories are told in the order of their arrival.
var stories = []story{
	{days: 89.6, name: "Ines Carvalho", address: "ines.carvalho@blueharbour.example", to: "security", subject: "Password reset link works twice",
		text: "Hello,\n\nI used a password reset link for our tenant this morning and noticed that the same link worked a second time an hour later. I would have expected it to be void after the first use.\n\nSteps: request a reset, set a password, open the link again in another browser, set another password.\n\nKind regards\nInes Carvalho", ending: closed,
		answer: "Dear Ines Carvalho,\n\nyou are right: a reset link could be used until it expired, not once. This is a vulnerability, and we have mended it in today's release; links that were open at the time have been made void.\n\nWe found no sign that anybody used it. Thank you for the clear steps. If you like, we will name you on our acknowledgements page."},
	{days: 88.9, name: "Tom Okafor", address: "tom.okafor@pinecrest-logistics.example", to: "support", subject: "Cannot log in since the update", text: "Our dispatchers get an error after the second factor. It worked yesterday. About forty people are affected, can you look at this today please?", ending: closed},
	{days: 87.5, name: "Procurement, Halden Energi", address: "procurement@halden-energi.example", to: "security", subject: "Security questionnaire 2026", text: "Please find our annual security questionnaire attached. We need the completed questionnaire and your current SOC 2 report by the end of next month.", file: "questionnaire.txt", ending: closed,
		answer: "Dear colleagues,\n\nthe completed questionnaire is attached to our trust portal under your name. Our SOC 2 Type II report is available there after you have accepted the confidentiality terms.\n\nShould a question remain open, answer this mail."},
	{days: 86.2, name: "", address: "winner@prize-central.example", to: "security", subject: "You have won a lottery prize, claim your million dollars", text: "Dear friend, congratulations. You have been selected as winner of the lottery. Send your bank details to claim your prize of one million dollars. Act now, 100% free.", ending: setAside},
	{days: 84.8, name: "Dr. Lena Hartmann", address: "l.hartmann@klinik-am-see.example", to: "privacy", subject: "Auskunft nach Art. 15 DSGVO", text: "Sehr geehrte Damen und Herren,\n\nich bitte um Auskunft nach Art. 15 DSGVO, welche personenbezogenen Daten Sie über mich gespeichert haben, zu welchem Zweck und an wen sie weitergegeben wurden.\n\nMit freundlichen Grüßen\nLena Hartmann", ending: answered,
		answer: "Sehr geehrte Frau Dr. Hartmann,\n\nIhre Anfrage ist bei uns eingegangen. Die Auskunft nach Art. 15 DSGVO erhalten Sie innerhalb eines Monats als verschlüsseltes Dokument; das Kennwort senden wir Ihnen getrennt.\n\nMit freundlichen Grüßen"},
	{days: 83.1, name: "Marta Nowak", address: "marta@nowak-research.example", to: "security", subject: "Stored XSS in project names", text: "Hi team,\n\nproject names are shown without escaping in the weekly digest page. A name like the one in the attachment runs a script for everybody who opens the digest. I consider this a high severity vulnerability.\n\nI have not looked at anybody's data. I plan to publish in 90 days.\n\nMarta Nowak, independent researcher", file: "proof-of-concept.txt", ending: talked,
		answer: "Dear Marta Nowak,\n\nthank you. We can reproduce it: project names were not escaped in the digest. A fix is being tested and goes out tomorrow; we will tell you when it is live. 90 days are more than enough for us.\n\nWe keep you informed under the number in the subject.",
		back:   "Thanks for the quick answer. I can confirm that the fix works for me. Is there a CVE number already?"},
	{days: 81.7, name: "Accounts, Fenwick & Daughters", address: "accounts@fenwick-daughters.example", to: "support", subject: "Invoice 2026-0719 billed twice", text: "The invoice 2026-0719 was charged to our card twice. Please refund one of the payments.", ending: closed},
	{days: 80.3, portal: true, hidden: true, subject: "Shared account in the warehouse", text: "People on the night shift in the warehouse sign in with one shared account because it is faster. The password is on a note at the terminal. I do not want my name on this.", ending: answered,
		answer: "Thank you for telling us. You did the right thing, and nobody will try to find out who you are.\n\nThe shared account has been closed today, and everybody on the shift has an account of their own and a key that makes signing in as fast as before. If you see it again, add to this report with your code."},
	{days: 78.9, name: "Pieter de Vries", address: "p.devries@amstel-retail.example", to: "security", subject: "Suspicious mail in your name", text: "We received the attached phishing mail that pretends to come from your billing department and asks for card details. The link goes to northwind-cloud-billing.example. Two colleagues clicked it.", file: "headers.txt", ending: answered,
		answer: "Dear Pieter de Vries,\n\nthat mail is not from us. We have reported the domain to its registrar and warned our customers on the status page. Please have the two colleagues change their passwords and tell us whether they entered card details.\n\nOur own mail is signed (DKIM) and never asks for card details."},
	{days: 77.4, name: "Jonas Lindqvist", address: "jonas.lindqvist@skargard-media.example", to: "support", subject: "Export is empty", text: "The CSV export of the audit log has only the header line since Monday.", ending: closed},
	{days: 75.8, name: "Rebecca Stone", address: "r.stone@daily-ledger-news.example", to: "security", subject: "Press enquiry: outage on Thursday", text: "I am writing a story for the Daily Ledger about the outage on Thursday. How many customers were affected, and was it an attack? My deadline is tomorrow, 16:00.", ending: answered,
		answer: "Dear Rebecca Stone,\n\non Thursday between 09:12 and 10:03 UTC a part of our customers could not sign in. The cause was a certificate that was not renewed in time; there was no attack, and no data were touched. The account of what happened is on our status page."},
	{days: 74.1, name: "Ayesha Rahman", address: "ayesha.rahman@meridian-foods.example", to: "support", subject: "API answers 503", text: "Since 07:40 our integration gets 503 Service Unavailable for about a third of all requests to the orders API. This stops our production line.", ending: late,
		answer: "Dear Ayesha Rahman,\n\none of the nodes behind the orders API was overloaded from 07:38 to 09:55 UTC. It has been replaced, and the errors have stopped. We are sorry that this answer took longer than it should: the night shift saw the alert but not your mail."},
	{days: 72.6, name: "", address: "no-reply@newsletter-cheap-watches.example", to: "support", subject: "Replica watches 80% OFF!!! Act now", text: "Luxury replica watches at unbeatable prices. Limited time offer. Click here to buy now, 100% satisfied or money back guarantee. Unsubscribe.", ending: setAside},
	{days: 71.0, name: "Giulia Ferri", address: "giulia.ferri@studio-ferri.example", to: "privacy", subject: "Please delete my account and all personal data", text: "I no longer use your service. Please delete my account and erase all my personal data according to Article 17 GDPR, and confirm.", ending: closed},
	{days: 69.3, name: "Hans Weber", address: "hans.weber@weber-praezision.example", to: "security", subject: "TLS 1.0 noch aktiv", text: "Guten Tag,\n\nunser Scanner meldet, dass ftp-eu.northwind-cloud.example noch TLS 1.0 annimmt. Ist das bekannt?\n\nHans Weber", ending: answered},
	{days: 67.9, name: "Samira Haddad", address: "s.haddad@atlas-consulting.example", to: "support", subject: "Question about the invoice format", text: "Can you send invoices as XML from next month? Our accounting asks for it.", ending: closed},
	{days: 66.2, portal: true, name: "Leo Grant", address: "leo.grant@grant-architects.example", subject: "Wrong person got our report", text: "A client of ours received a monthly report that belongs to another company. It has names and phone numbers of about 30 people in it. We have asked them to delete it.", ending: declined,
		answer: "Dear Leo Grant,\n\nthank you for telling us at once. A mistake in the distribution list sent one report to one wrong recipient; the list has been corrected, and the recipient has confirmed in writing that the file was deleted.\n\nOur privacy team is assessing whether the people named in it have to be told, and will write to you under this number within two working days."},
	{days: 64.5, name: "Vendor Risk, Solent Bank", address: "vendor.risk@solent-bank.example", to: "security", subject: "Bridge letter for your SOC 2 report", text: "Your SOC 2 report ended on 30 June. Please send a bridge letter for the time since, and tell us about any system incident.", ending: answered},
	{days: 62.8, name: "Chen Wei", address: "chen.wei@lotus-robotics.example", to: "security", subject: "Open redirect on sign-in page", text: "The next parameter of the sign-in page accepts any URL. This can be used for phishing. Example in the attached file. Low risk but easy to fix.", file: "redirect.txt", ending: closed},
	{days: 61.2, name: "Olivia Brandt", address: "olivia.brandt@nordlys-travel.example", to: "support", subject: "Slow dashboard", text: "The dashboard takes more than a minute to load in the mornings.", ending: answered},
	{days: 59.7, name: "Inspector K. Almeida", address: "k.almeida@data-authority.example", to: "privacy", subject: "Request for information, reference 2026/4471", text: "The supervisory authority has received a complaint about the retention of customer data in your service. Please answer the enclosed questions within 14 days.", file: "questions.txt", ending: answered,
		answer: "Dear Inspector Almeida,\n\nwe confirm receipt of your request 2026/4471. Our data protection officer will answer the questions in full by the date you have set. Until then no data that the complaint may concern will be deleted."},
	{days: 58.0, name: "Noah Silva", address: "noah.silva@porto-ceramics.example", to: "support", subject: "Two-factor code does not arrive", text: "The SMS with the code does not arrive for numbers in Portugal since yesterday.", ending: closed},
	{days: 56.4, name: "", address: "ceo@northwind-clouds.example", to: "security", subject: "Urgent wire transfer", text: "Are you at your desk? I need you to make an urgent wire transfer for a confidential acquisition. Buy gift cards and send me the codes. Do not call me.", ending: setAside},
	{days: 55.1, name: "Elif Kaya", address: "elif.kaya@bosphorus-shipping.example", to: "security", subject: "Unusual sign-ins from another country", text: "We see sign-ins to the account of our finance lead from a country where we have nobody, at 03:00 at night. She says it was not her. We think that the account is compromised. Please block it and tell us what was accessed.", ending: talked,
		answer: "Dear Elif Kaya,\n\nwe have ended every session of that account and blocked it. The log shows two sign-ins from the address you name; the invoices list was opened, nothing was downloaded or changed. The password had been used on another site that lost it in August.\n\nThe full log is in your tenant under Security. Please set a new password and a second factor before you lift the block.",
		back:   "Thank you, this helped a lot. We have set new passwords for the whole finance team. Could you keep the log for longer than 30 days for us?"},
	{days: 53.3, name: "Grace Mbeki", address: "grace.mbeki@karoo-solar.example", to: "support", subject: "How do I add a colleague?", text: "Where can I invite a new colleague to our tenant?", ending: closed},
	{days: 51.8, name: "Audit team, Rowan & Pike", address: "audit@rowan-pike.example", to: "security", subject: "Sub-processor list", text: "Please send the current list of your sub-processors and the date of its last change.", ending: answered},
	{days: 50.2, portal: true, hidden: true, subject: "Manager asks us to skip approvals", text: "Since the end of the quarter our manager asks us to answer customers first and have the approval added afterwards. I think this is wrong.", ending: answered,
		answer: "Thank you. What you describe is not allowed, and the system of record makes it visible. We have spoken with everybody concerned without saying where it came from, and the lead reviews every answer of that week.\n\nNothing may happen to you for reporting this. If it does, add to this report."},
	{days: 48.6, name: "Mateusz Zielinski", address: "m.zielinski@wisla-print.example", to: "support", subject: "Wrong VAT on invoice", text: "Invoice 2026-0834 has 19% VAT, for Poland it must be reverse charge. Please correct.", ending: closed},
	{days: 46.9, name: "Hannah Cole", address: "hannah.cole@cole-legal.example", to: "privacy", subject: "Data processing agreement", text: "We need a signed data processing agreement with the new standard contractual clauses before we renew.", ending: answered},
	{days: 45.3, name: "Ravi Menon", address: "ravi@menon-security.example", to: "security", subject: "Rate limit missing on login", text: "I can try as many passwords as I like against one account from one address. Tested only with my own account: 4,000 attempts in ten minutes.", ending: answered,
		answer: "Dear Ravi Menon,\n\nthank you. The limit existed but did not count attempts that came over HTTP/2. It does now, since this morning. We have checked the logs of the last 90 days and found no account that was attacked this way."},
	{days: 43.7, name: "Sofia Lund", address: "sofia.lund@fjord-analytics.example", to: "support", subject: "Service down?", text: "Nothing loads since 11:20, error 502. Is there an outage?", ending: answered},
	{days: 42.0, name: "", address: "seo@rank-one-now.example", to: "support", subject: "SEO services for your website, guaranteed first page", text: "Dear webmaster, we offer SEO services and guarantee the first page of Google. Cheap backlinks. Reply for a free quote.", ending: setAside},
	{days: 40.4, name: "Camille Dubois", address: "camille.dubois@atelier-dubois.example", to: "privacy", subject: "Demande de suppression", text: "Bonjour,\n\nje souhaite la suppression de toutes mes données personnelles conformément à l'article 17 du RGPD.\n\nCordialement,\nCamille Dubois", ending: answered,
		answer: "Bonjour,\n\nvotre demande a bien été reçue. Vos données personnelles seront supprimées dans un délai d'un mois, et nous vous le confirmerons par écrit. Les données que la loi nous oblige à conserver sont bloquées jusqu'à la fin du délai légal.\n\nCordialement"},
	{days: 38.8, name: "Daniel Kim", address: "daniel.kim@hanriver-games.example", to: "security", subject: "Your status page shows green during outage", text: "Your API was down for 20 minutes this morning and the status page showed all green the whole time. Our contract says that we are told within 15 minutes.", ending: late,
		answer: "Dear Daniel Kim,\n\nyou are right on both counts. The API failed for 19 minutes, and the page was updated only afterwards. We have recorded this as a missed notice under your contract, and your account manager will call you about the credit.\n\nThis answer is later than our own target; that is recorded as well."},
	{days: 37.1, name: "Anna Kowalska", address: "anna.kowalska@baltic-trade.example", to: "support", subject: "Refund for unused seats", text: "We reduced our seats in August but were billed for all of them. Please refund the difference.", ending: closed},
	{days: 35.6, name: "Security desk, Meridian Foods", address: "soc@meridian-foods.example", to: "security", subject: "Possible malware in shared file", text: "Our scanner reports malware in a spreadsheet that somebody shared with us through your service. The hash is in the attachment. Please check and remove it.", file: "hash.txt", ending: answered},
	{days: 34.0, portal: true, name: "Yusuf Demir", address: "yusuf@demir-textiles.example", subject: "Customer data visible after logout", text: "When I press the back button after signing out, the last customer list is still shown. On a shared computer others can see it.", ending: answered},
	{days: 32.3, name: "Bella Rossi", address: "bella.rossi@rossi-hotels.example", to: "support", subject: "Where is my ticket?", text: "I wrote last week about the booking calendar and got no answer.", ending: closed},
	{days: 30.9, name: "Compliance, Halden Energi", address: "compliance@halden-energi.example", to: "security", subject: "Penetration test summary", text: "Please send the summary of your last penetration test and the state of its findings.", ending: answered},
	{days: 29.2, name: "Victor Hugo Lopes", address: "vh.lopes@rio-logistica.example", to: "security", subject: "Phishing site uses your logo", text: "The site northwind-login.example copies your sign-in page and asks for passwords. Please have it taken down.", ending: answered},
	{days: 27.7, name: "Ingrid Solberg", address: "ingrid.solberg@fjell-outdoor.example", to: "support", subject: "Import fails with error 17", text: "The import of our product list fails with error 17 at line 20,481.", ending: closed},
	{days: 26.1, name: "Peter Novak", address: "peter.novak@moravia-steel.example", to: "privacy", subject: "Who has seen my data?", text: "I would like a copy of my personal data and a list of the people in your company who have access to it.", ending: answered},
	{days: 24.6, name: "", address: "lottery@prize-central.example", to: "privacy", subject: "Final notice: unclaimed lottery winnings", text: "Final notice. Your lottery winnings of five million dollars are unclaimed. Send your bank details today. Act now.", ending: setAside},
	{days: 23.0, name: "Farah Aziz", address: "farah.aziz@crescent-pharma.example", to: "security", subject: "Suspected breach of our tenant", text: "We believe that somebody has copied files from our tenant last night: 1,200 downloads between 01:00 and 02:30 by the account of a person who left in May. We need the full log and your assessment today.", ending: talked,
		answer: "Dear Farah Aziz,\n\nwe confirm the downloads: 1,184 files between 01:02 and 02:27 UTC with an access token that your former colleague had made in April and that was never revoked. We have revoked it, and every other token of that account.\n\nThe complete log is attached to this case and available to you in your tenant. Our incident commander will call you at the number you gave us within the hour.",
		back:   "We have the log, thank you. Our lawyers ask for a written confirmation of the time line by Friday."},
	{days: 21.4, name: "Lucas Meyer", address: "lucas.meyer@alpen-bikes.example", to: "support", subject: "Cannot change billing address", text: "The form for the billing address always says that the postcode is wrong. It is a Swiss postcode.", ending: closed},
	{days: 19.8, name: "Amara Diallo", address: "amara@diallo-labs.example", to: "security", subject: "IDOR in invoice download", text: "Changing the number in the invoice URL downloads the invoices of other customers. I stopped after the first one and deleted it. This is critical in my view.", file: "request.txt", ending: declined,
		answer: "Dear Amara Diallo,\n\nyou are right, and thank you for stopping where you did. The check that an invoice belongs to the customer who asks was missing in the new download. It has been back since 14:10 UTC today.\n\nWe are going through the access log to find out whether anybody else used this, and will tell the customers concerned. You will hear from us again under this number by Thursday."},
	{days: 18.1, portal: true, name: "Emma Wright", address: "emma.wright@wrightway-tours.example", subject: "Charged after cancellation", text: "We cancelled on 30 September and were charged for October and November.", ending: answered},
	{days: 16.7, name: "Vendor Risk, Solent Bank", address: "vendor.risk@solent-bank.example", to: "security", subject: "Questionnaire on use of AI", text: "Please answer the attached questionnaire on your use of machine learning with our data.", file: "ai-questionnaire.txt", ending: answered},
	{days: 15.0, name: "Oskar Nyman", address: "oskar.nyman@uppsala-bio.example", to: "support", subject: "Outage in region north", text: "All our instruments in region north lost their connection at 06:15 and have not come back. We are losing measurements.", ending: answered},
	{days: 13.4, name: "Priya Sharma", address: "priya.sharma@indus-health.example", to: "privacy", subject: "Correction of personal data", text: "My name is wrong in your records since I married. Please correct it, I attach nothing but can show my papers.", ending: answered},
	{days: 11.9, name: "Marcus Bell", address: "marcus.bell@bellweather.example", to: "security", subject: "Session stays valid after password change", text: "After I changed my password on one machine, the session on the other one went on working for hours.", ending: uncertain},
	{days: 10.2, name: "Julia Santos", address: "julia.santos@verde-market.example", to: "support", subject: "Invoice not received", text: "We have not received the invoice for October.", ending: closed},
	{days: 8.6, name: "Rebecca Stone", address: "r.stone@daily-ledger-news.example", to: "security", subject: "Press enquiry: data of a pharma company", text: "I hear that data of a pharmaceutical company were taken from your service last month. Can you confirm, and how many other customers are concerned? I publish on Friday.", ending: inReview,
		answer: "Dear Rebecca Stone,\n\nwe do not speak about individual customers. We can say that our service was not breached in the past quarter, and that every customer whose data were concerned by any incident has been told by us directly."},
	{days: 7.1, name: "Nils Berg", address: "nils.berg@berg-optik.example", to: "security", subject: "Outdated library on login page", text: "Your login page loads a JavaScript library in a version with a known vulnerability (see its advisory of August). Probably not exploitable here, but you may want to update.", ending: answered},
	{days: 5.7, name: "Helene Fischer-Roth", address: "helene@fischer-roth.example", to: "privacy", subject: "Widerspruch gegen Werbung", text: "Ich widerspreche der Nutzung meiner personenbezogenen Daten für Werbung. Bitte bestätigen Sie mir das.", ending: drafted,
		answer: "Sehr geehrte Frau Fischer-Roth,\n\nwir haben Ihren Widerspruch vermerkt. Sie erhalten von uns keine Werbung mehr."},
	{days: 4.3, name: "Ayesha Rahman", address: "ayesha.rahman@meridian-foods.example", to: "support", subject: "API errors again", text: "We see 503 errors from the orders API again, about one in twenty requests since this morning.", ending: inReview,
		answer: "Dear Ayesha Rahman,\n\nwe see the errors and have taken the node out of service at 10:40 UTC. We will tell you the cause by tomorrow noon."},
	{days: 3.2, portal: true, hidden: true, subject: "Laptop lost on the train", text: "A colleague lost a work laptop on the train on Friday and has not told anybody. I am not sure whether the disk is encrypted.", ending: assigned},
	{days: 2.1, name: "Tomas Eriksen", address: "tomas@eriksen-pentest.example", to: "security", subject: "SSRF in webhook settings", text: "The webhook URL in the settings accepts internal addresses. I could reach the metadata service of your cloud provider and see the name of a role (nothing else was done). This is a critical vulnerability. I will not publish before you have fixed it.", file: "ssrf.txt", ending: inReview,
		answer: "Dear Tomas Eriksen,\n\nthank you for the report and for the care you took. We have reproduced it, and webhooks to internal addresses are blocked since 15:30 UTC today. The role you saw has been replaced.\n\nWe would like to name you in the advisory if you agree."},
	{days: 1.3, name: "Sanne Jansen", address: "sanne.jansen@polder-energy.example", to: "support", subject: "Question about SSO", text: "Is single sign-on with our own identity provider part of the standard plan?", ending: stays},
	{days: 0.8, name: "Miguel Torres", address: "miguel.torres@sierra-insurance.example", to: "security", subject: "Suspicious sign-in notice", text: "I got a notice about a sign-in from a new device that I do not own. Is this phishing, or has somebody got into my account?", ending: assigned},
	{days: 0.35, name: "Kofi Mensah", address: "kofi.mensah@accra-fintech.example", to: "privacy", subject: "Personal data in error message", text: "An error page of your service showed me the e-mail address and phone number of another person. Screenshot text attached.", file: "error-page.txt", ending: stays},
	{days: 0.06, name: "Laura Vidal", address: "laura.vidal@costa-clinics.example", to: "security", subject: "Ransom note in our shared folder", text: "This morning all files in our shared folder have a new ending and there is a text file that demands payment. Patients are waiting. Please call us: this is urgent.", file: "note.txt", ending: stays},
}

// at returns when the story begins: on its day, in the working hours of the
// organisation, unless it is of today.
func (s *story) at(now time.Time) time.Time {
	t := now.Add(-time.Duration(s.days * 24 * float64(time.Hour)))
	if s.days < 1 {
		return t
	}
	minute := len(s.subject) * 37 % 480
	return t.Truncate(24 * time.Hour).Add(8*time.Hour + time.Duration(minute)*time.Minute)
}
