import type { masks } from "../../observability/otel/masks";

/** A line as a service writes it and as it may leave the machine. */
export interface MaskedLine {
	/** The mask that it is for; none for a line that stays as it is. */
	mask?: (typeof masks)[number]["name"];
	line: string;
	masked: string;
}

const jwt =
	"eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhYmMifQ.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg";
const bcrypt = `$2b$10$${"a".repeat(53)}`;

function hides(mask: string, line: string, masked: string): MaskedLine {
	return { mask, line, masked };
}

function stays(line: string): MaskedLine {
	return { line, masked: line };
}

/** No secret in here is anybody's. */
export const maskedLines: MaskedLine[] = [
	hides(
		"private keys",
		'{"key":"-----BEGIN PRIVATE KEY-----\\nMIIabc\\n-----END PRIVATE KEY-----\\n"}',
		'{"key":"***\\n"}',
	),
	hides(
		"passwords in URLs",
		"connect postgresql://postgres:p%40ss@db.example:5432/app?sslmode=require",
		"connect postgresql://postgres:***@db.example:5432/app?sslmode=require",
	),
	hides(
		"passwords in URLs",
		'{"err":{"input":"postgres://u:p/a@s\\\\s@db:5432/x"}}',
		'{"err":{"input":"postgres://u:***@db:5432/x"}}',
	),
	hides(
		"passwords in URLs",
		"redis://:hunter2@cache:6379 smtps://user:hunter2@mail",
		"redis://:***@cache:6379 smtps://user:***@mail",
	),
	hides("JSON web tokens", `got ${jwt} from it`, "got *** from it"),
	hides(
		"keys by their prefix",
		"keys NNSXS.ABC123.DEF ssk_abc123 sbp_0a1b dop_v1_0a1b SWMTKN-1-abc-def",
		"keys *** *** *** *** ***",
	),
	hides("bcrypt hashes", `hash ${bcrypt} kept`, "hash *** kept"),
	hides(
		"bearer tokens",
		'{"msg":"sent Bearer abcdefghijkl123 to it"}',
		'{"msg":"sent Bearer *** to it"}',
	),
	hides(
		"JSON members",
		'{"password":"a \\"b\\" c","refresh_token": "x","n":1}',
		'{"password":"***","refresh_token": "***","n":1}',
	),
	hides(
		"JSON members with lists",
		'{"headers":{"X-Api-Key":["abc","d"],"Accept":["*/*"]}}',
		'{"headers":{"X-Api-Key":["***"],"Accept":["*/*"]}}',
	),
	hides(
		"members of JSON in a JSON string",
		'{"msg":"body {\\"password\\":\\"a\\\\\\"b\\",\\"n\\":1}"}',
		'{"msg":"body {\\"password\\":\\"***\\",\\"n\\":1}"}',
	),
	hides("cookies", "> Cookie: a=1; b=2", "> Cookie: ***"),
	hides(
		"headers",
		"> Authorization: Basic dXNlcjpwYXNz",
		"> Authorization: ***",
	),
	hides(
		"headers",
		"x-webhook-secret: abc, next",
		"x-webhook-secret: ***, next",
	),
	hides(
		"members of printed objects",
		"  clientSecret: 'a b', id: 1",
		"  clientSecret: '***', id: 1",
	),
	hides(
		"quoted values by name",
		'level=info password="a b" user=x',
		"level=info password=*** user=x",
	),
	hides(
		"values by name",
		'{"uri":"/x?access_token=abc&n=1","dsn":"host=h password=abc\\\\d user=u"}',
		'{"uri":"/x?access_token=***&n=1","dsn":"host=h password=*** user=u"}',
	),
	hides(
		"codes in URLs",
		"GET /cb?code=abc&state=1",
		"GET /cb?code=***&state=1",
	),
	hides(
		"e-mail addresses",
		'{"msg":"mail\\nada.l+x@mail.example.com, müller@example.de, eve%40example.org"}',
		'{"msg":"mail\\n***@***, ***@***, ***@***"}',
	),
	stays(
		'{"level":"info","request_id":"0b2c","msg":"GET /api/units?unit=1 200","duration":0.012,"headers":{"User-Agent":["Mozilla/5.0"]}}',
	),
	stays("pulled caddy:2.11.9@sha256:0a1b2c3d, image@2 at 12:30:05"),
	stays("level=info n=3.5 url=http://loki:3100/ready"),
];
