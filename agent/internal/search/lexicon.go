package search

// The vocabulary: words and phrases of sales reps, in any CRM, under the words of the
// names of tools that they stand for: what a tool is about, what it does, or both. A
// phrase means something else than its words. It comes before the lexicon of a catalog.

// called are other names of records.
var called = map[string]string{
	"lead": "company, firm, customer, client, account, prospect, organization, organisation, business, corporation, " +
		"agency, vendor, logo, shop, enterprise, manufacturer, retailer, startup, target account, book of business, " +
		"establishment",
	"contact": "people at, person, people, persons, buyer, human, guy, gal, lady, woman, man, individual, someone, somebody, " +
		"everyone, everybody, decision maker, champion, stakeholder, gatekeeper, point of contact, poc, counterpart, " +
		"contact person, address book, somebody at, someone at",
	"opportunity": "deal, sale, upsell, cross sell, potential, business opportunity, sales opportunity",
	"task": "todo, to-do, to do, reminder, appointment, next step, action item, errand, chore, checklist, follow up task, " +
		"follow-up task, follow up, follow-up, homework, work item",
	"note":                  "memo, annotation, meeting note, jot",
	"email":                 "mail, e-mail, letter, newsletter, correspondence, e-mail message, email message",
	"email sms":             "message",
	"sms":                   "text message, texts, txt, txts, mms",
	"call":                  "phone call, voicemail, voice mail, telephone call, cold call, phone conversation",
	"sequence":              "cadence, campaign, drip, workflow, autoresponder, nurture program, email series, nurture sequence",
	"subscription sequence": "enrollment, enrolment, sequence subscription",
	"user": "teammate, rep, coworker, co-worker, staff, salesperson, salespeople, employee, seller, account executive, " +
		"sdr, bdr, colleague, sales rep, team member, login",
	"pipeline":        "funnel, kanban, board, sales process, deal board",
	"pipeline status": "stage, phase, milestone",
	"custom field": "field, attribute, property, dropdown, drop-down, picklist, pick list, select list, own field, " +
		"additional field, extra field, custom data, custom property, custom attribute, extra attribute",
	"webhook":            "hook, callback, event subscription, endpoint, url, our server, old server, zapier",
	"comment":            "remark, mention",
	"activity":           "touchpoint, touch point, interaction, engagement",
	"activity list":      "history, timeline, feed",
	"group":              "squad, department, division, user group, rename the team, new team, team called, team named",
	"template":           "canned, boilerplate, snippet, prewritten, pre-written",
	"smart view":         "saved search, saved filter, segment, smartview",
	"report":             "statistic, stats, kpi, metric, leaderboard, dashboard",
	"export":             "csv, spreadsheet, excel, backup",
	"scheduling link":    "booking link, calendar link, calendly, booking page",
	"membership":         "seat",
	"unsubscribed email": "suppression list, opt-out list",
	"form submission":    "submitted form",
	"me get":             "myself, who am i, my profile, my settings, my id, my own user, my user",
}

// saidOf are words that tell of a record without naming it. A name counts more.
var saidOf = map[string]string{
	"lead": "website, web site, homepage, home page, industry, domain, headquarter, headquarters, territory, employees, " +
		"inbound, walk-in, branch, location, locations, zip code, city, country, brand, entry, entries, database, crm, " +
		"went bankrupt, out of business, subsidiary, parent company, sector, based in, located in, churned, churn, " +
		"dormant, lead source, company name",
	"lead list": "already have, in the system, not touched, nobody has touched, not contacted, not been contacted, untouched, " +
		"anyone from, cold leads, best customers, hot leads, with status, who should i call, created this week, " +
		"which of our",
	"lead get": "know about, everything about, all about, whole picture, full picture, everything we store, background on, " +
		"brief me, briefing on, brief me on, fill me in on, rundown on, overview of, prepare me for",
	"lead update": "qualified, disqualify, bad fit, do not contact, do not call, not interested, company moved, new address, " +
		"status to, over to, nurturing status, potential customer, unqualified, has a new website, became a customer, " +
		"is a customer now, changed its name, renamed itself, set status, mark as customer",
	"lead create":  "met a company, into close, into the crm, into our crm, in the crm, into the system, in the books",
	"lead contact": "address, anyone",
	"merge lead": "duplicate, dedupe, dedup, deduplicate, same company, same firm, double entry, consolidate, fold into, " +
		"fold together, one and the same, single account, single record, single lead, one account, one record, " +
		"same customer, exist twice, exists twice, have twice, there twice, in there twice",
	"merge": "twice, join, combine, unify, together",
	"contact": "first name, last name, surname, nickname, position, birthday, mobile, cell, cell phone, fax, linkedin, ceo, " +
		"cfo, cto, coo, vp, head of, manager, director, boss, assistant, secretary, executive, phone number, number, " +
		"email address, mail address, mobile number, cell number, works, title, persona, card, direct line, extension, " +
		"married, maiden, salutation, procurement, attendee, chief, she, he, him, her, his, primary contact, " +
		"main contact, landline, her email, his email, their email, vice president, founder, receptionist, " +
		"technical contact, reports to, name of her, name of his, e-mail address",
	"contact create": "business card, second buyer, new buyer, joined the company, save her details, save his details, her details, " +
		"his details, their details, add him, add her",
	"contact get": "reach, how can i reach, how do i reach, how to reach, get hold of, contact details, get in touch",
	"contact list": "who do we know, who works there, whom do we know, who is at, know at, who else at, whom can i, " +
		"who should i call at, works at",
	"contact update": "job title, promoted, promotion, got married, changed jobs, new number, new email address, new phone, " +
		"changed her, changed his, gmail, switched to, misspelled name, name is spelled, name is wrong, goes by",
	"contact delete": "left the, left the firm, out of our database, out of the database, gdpr, forget him, forget her, " +
		"right to be forgotten, no longer works, not work there",
	"opportunity": "quota, chance, revenue, sell, sold, selling, worth, dollar, grand, usd, eur, arr, mrr, acv, tcv, value, " +
		"amount, discount, probability, likelihood, confidence, contract, won, win, winning, lost, lose, losing, " +
		"closed won, closed lost, closing, close date, closing date, licence, license, annual, negotiation, proposal, " +
		"big, loss reason, slipping, at risk, renewal, expansion, buying, budget, sales cycle, turnover, commission, " +
		"deal size, pipeline value, sales, expected, commit, best case, place an order, purchase, price, pilot, " +
		"retainer, closed, invoice",
	"opportunity list": "forecast, stalled, stuck, how much did we sell, how much have we sold, how much did we close, open pipeline, " +
		"in the pipeline, in my pipeline, about to close, going to close, closes this, likely to close, did we win, " +
		"did we lose, have we won, win rate, money is in, on the table, on track, my pipeline, our pipeline, " +
		"sales figures, coming in, top deals, how many deals, hit my number, make my number, close rate, sales numbers",
	"opportunity update": "verbally agreed, signed, went with a competitor, closed the deal, close it as won, close it as lost, as won, " +
		"as lost, as closed, fell through, belongs to, pulled out, next stage, stage to, to the stage, advance to, " +
		"verbal, to closed, to won, to lost, back to",
	"opportunity create": "wants to buy, want to buy, interested in buying, into the pipeline, into the forecast, might buy, could sell, " +
		"potential for",
	"task": "due, deadline, delegate, demo",
	"task create": "remind, remind me, ping me, nudge, nudge me, alert me, wake me, do not forget, not forget, forget, chase, " +
		"chase up, check back, check in with, circle back, touch base, should call, should send, should write, " +
		"has to call, must call, needs to call, needs to send, must send, have to call, have to send, i have to, " +
		"i must, call back next, call back on, call back in, call them back, call him back, call her back, " +
		"call me back, put on my list, remember to, schedule a call, plan a call, by friday, by monday, by tomorrow, " +
		"by the end of, due on, due next",
	"task list": "agenda, overdue, plate, have to do, need to do, must do, should do, to do list, todo list, to do today, " +
		"on my list, my day, work queue, past due, late on, outstanding, pending, owe, my schedule, up next, on tap, " +
		"what is next, am i late, open items, on the agenda, scheduled for today",
	"task update": "tick, tick off, check off, snooze, did that, have done that, is done, mark done, off my list, i finished, " +
		"i have finished, i am done, finished the, completed the, taken care of, i did, did it, postpone my, " +
		"later this week",
	"note": "noted, wrote down, written down, observation, scribble",
	"note create": "jot down, remember, summary, summarize, recap, write down, note down, put on record, for the record, " +
		"to the record, on the record, keep in mind, document that, put on file, learned that, found out that, " +
		"told me, they said, they are on a, they use, log that, note that, write that, key points, takeaways, " +
		"internal note, details about",
	"note activity": "meeting",
	"email": "subject, subject line, bounce, bounced, cc, bcc, attachment, recipient, signature, spam, sender, draft, " +
		"mailed, emailing, e-mailed, sent, unread, pricing mail",
	"email create": "write to, write back, thank, quote, reach out, drop a line, answer the mail, reply to the mail, " +
		"reply to the email, respond to, price sheet, write an, write a mail",
	"email list": "reply to us, replied to, replied, respond, responded, response, answered us, answer us, get back to us, " +
		"got back to us, written to us, write to us, heard from, hear from, sent me, sent us, did they write, mailbox, " +
		"in my mailbox, anything from, word from, correspondence with, exchange with",
	"email task": "inbox",
	"email sms":  "unsent, outgoing",
	"email sms update": "is scheduled, are scheduled, scheduled mail, scheduled email, scheduled message, scheduled text, " +
		"scheduled sms, goes out, go out, goes off, hold back, the draft, my draft, send the draft",
	"email get":         "full text of, whole mail, whole message, exact words",
	"email opportunity": "offer",
	"sms":               "text, texting, texted, text them, text him, text her",
	"call": "rang, ring, phone, phoned, phoning, dial, dialed, called, talked, talk, spoke, spoken, picked up, pick up, " +
		"duration, minute, transcript, telephone, missed, disposition, outcome, caller, call recording, the recording, " +
		"conversation, chat on the phone, unanswered, on the line, calling, dialled, phone log, inbound call, " +
		"outbound call",
	"call create": "hung up, got off the phone, just spoke, just called, just talked, just rang, spoke to, spoke with, " +
		"talked with, left a voicemail, left voicemail, got no answer, nobody picked up, no answer, on the phone with, " +
		"had a call",
	"call list":    "call volume, how many calls, connect rate",
	"call contact": "ring up",
	"sequence": "onboarding, nurture, outbound program, steps, drip campaign, welcome, mail series, touch pattern, " +
		"steps of the sequence",
	"subscription sequence": "outreach, automatic, automated, automation, being worked, in which sequence, which sequences is, active in, " +
		"finished the sequence",
	"subscription sequence create": "enroll, enrol, into the cadence, into the sequence, in the cadence, on the cadence, on the sequence, " +
		"on the drip, start in the",
	"subscription sequence update": "unenroll, unpause, automated emails, automatic mails, stop emailing, stop mailing, pull out of, " +
		"off the sequence, off the cadence, out of the sequence, out of the cadence",
	"user": "team, owner, owns, sales team, user id, assignee, works here, member, hired, responsible, in charge, " +
		"sales reps",
	"user list": "on our team, on the team, on my team, in our team, who works here, our reps, who else works, who is who, " +
		"list reps, which reps, email of our, list of reps",
	"user comment": "thread",
	"me get": "logged in, my own, my time zone, my timezone, currency, time zone, timezone, signed in, my permissions, " +
		"my account, my role, my rights, acting as, as whom, api key, do i have, am i, rights do i, my email accounts, " +
		"my phone numbers, which organization, which user, my email, my name, organization id, org id, what account am",
	"membership role":      "access level, rights, admin rights, permission, make an admin",
	"connected account me": "mail account, email account, sender address, send from, connected mailbox",
	"pipeline list":        "deal stages, what stages, which stages, steps of our sales, our stages, all stages",
	"pipeline update":      "stages in another order",
	"pipeline":             "columns, column",
	"custom field": "dropdown value, checkbox, additional data, extra data, extra information, place to store, somewhere to store, " +
		"we keep about, want to capture, want to record, want to track, possible values, allowed values, " +
		"values allowed, mandatory, fields",
	"custom field update": "choice, option",
	"webhook": "event, notification, server, payload, our system, our backend, http, https, retry, integration, slack, " +
		"listen for, sync, signature key",
	"webhook create": "whenever, every time, each time, as soon as, notify our, tell our, subscribe to, on each new, on every new, " +
		"for each new, when a new",
	"comment": "discussion, reply, chime in, weigh in, reaction, discuss, comment thread",
	"comment create": "under that note, under this note, under the note, on this note, on the note, in the comments, " +
		"answer in the comments, tag a colleague",
	"activity list": "happened, happen, happening, going on, last spoke, last spoken, last contact, last touch, lately, " +
		"everything that, what is new, been doing with, last time, last time anyone, have we done with, " +
		"did we do with, when did we last, what have we done, recent activity, touches, worked on, activity of, " +
		"every touch",
	"event list": "audit, audit trail, audit log, change log, changelog, who changed, who deleted, who edited, who removed, " +
		"who moved, was changed, were changed, has changed, by whom, what changed",
	"report":               "performance, conversion, benchmark, per rep, by rep, ranking",
	"export":               "download",
	"bulk":                 "mass, all at once, in one go, en masse, at once, in bulk",
	"unsubscribed email":   "unsubscribe, opt out, opted out, suppression",
	"membership":           "invite, offboard, deactivate user",
	"send as":              "on behalf, behalf",
	"blocked phone number": "block, blacklist",
	"group member":         "part of, belongs to the",
	"note list":            "been documented, written about, did we write, did i write, what was written",
	"comment list":         "comments under, replies to",
}

// wanted are the words for what is to be done.
var wanted = map[string]string{
	"create": "create, add, new, enter, log, register, record, open up, write, put, set up, make, start, begin, insert, " +
		"save, store, introduce, generate, prepare, schedule, define, launch, establish, build, send, shoot, fire off, " +
		"leave, give, track, file, capture, there is, we need, another, we just got, came in, post, get into, drop in, " +
		"attach, set a, set an, compose",
	"update": "change, edit, set, rename, correct, fix, move, mark, push, raise, lower, bump, increase, decrease, reduce, " +
		"pause, resume, stop, cancel, postpone, delay, reschedule, complete, reopen, pin, unpin, reassign, hand, " +
		"hand over, hand off, transfer, adjust, replace, modify, amend, revise, alter, tweak, switch, shift, flag, " +
		"flip, toggle, turn off, turn on, switch off, switch on, disable, enable, activate, deactivate, archive, " +
		"restore, extend, convert, advance, finish, hold, on hold, reorder, rearrange, spell, misspelled, wrong, " +
		"different, typo, no longer, now, repair, reword, rewrite, take off, take, line, kick, bring forward, " +
		"call off, call back, upgrade, downgrade, assign, append, add to my, add to the, add to that, from now on, " +
		"swap, point to, drop to, drop the confidence, cut, double, halve, update, make it, refresh",
	"delete": "remove, erase, drop, rid, get rid, wipe, discard, throw, throw away, throw out, trash, purge, scrap, kill, " +
		"destroy, take down, clean up, eliminate, bin, mistake, accident, get out of, not need, no longer need, " +
		"no use, delete, vanish, disappear, disband, take out, take one out, forever, for good, nuke, axe, dump, " +
		"obliterate, any more, not part of",
	"list": "list, find, search, look for, which, overview, filter, browse, query, how many, how much, how often, " +
		"number of, count, all, top, biggest, latest, recent, every, any, available, list of",
	"get": "get, show, read, open, fetch, detail, view, display, pull up, look at, see, check, inspect, play, play back, " +
		"listen, look up, single, particular, full text",
}

// kinds are the beginnings of ids that are no word of the name of a tool.
var kinds = map[string]string{
	"cont": "contact", "oppo": "opportunity", "acti": "activity", "pip": "pipelin", "stat": "status", "seq": "sequenc", "sub": "subscription", "cf": "field",
	"comm": "comment", "whsub": "webhook", "tmpl": "templat", "orga": "organization", "memb": "membership",
}
