// Plays one session with a client of the official TypeScript SDK, and prints what came
// of it as JSON. Its argument is JSON: sdk (1 or 2), mode (of version 2), command and
// env or url and token, lead, second (leads of the user), pages (it opens pages, and has
// no forms).
const o = JSON.parse(process.argv[2]);
const out = { asked: [] };

let Client, Stdio, Http, elicit;
if (o.sdk === 1) {
  ({ Client } = await import("@modelcontextprotocol/sdk/client/index.js"));
  ({ StdioClientTransport: Stdio } = await import("@modelcontextprotocol/sdk/client/stdio.js"));
  ({ StreamableHTTPClientTransport: Http } = await import("@modelcontextprotocol/sdk/client/streamableHttp.js"));
  elicit = (await import("@modelcontextprotocol/sdk/types.js")).ElicitRequestSchema;
} else {
  ({ Client, StreamableHTTPClientTransport: Http } = await import("@modelcontextprotocol/client"));
  ({ StdioClientTransport: Stdio } = await import("@modelcontextprotocol/client/stdio"));
  elicit = "elicitation/create";
}

const answers = [];
async function connect() {
  const c = new Client({ name: "test", version: "1" }, {
    capabilities: { elicitation: o.pages ? { url: {} } : { form: {} } },
    ...(o.sdk === 2 ? { versionNegotiation: { mode: o.mode } } : {}),
  });
  c.setRequestHandler(elicit, async (r) => {
    out.asked.push(r.params.message);
    if (o.pages) {
      await fetch(r.params.url); // as a browser does; the page decides
      return { action: "accept" };
    }
    return answers.shift();
  });
  const t = o.url
    ? new Http(new URL(o.url), { requestInit: { headers: { Authorization: "Bearer " + o.token } } })
    : new Stdio({ command: o.command, args: o.args, env: o.env, stderr: "inherit" });
  await c.connect(t);
  return [c, t];
}

const [c, t] = await connect();
const began = performance.now();
const list = await c.listTools();
out.listMillis = performance.now() - began;
out.tools = list.tools.length;
if (o.mode === "auto") out.version = c.getNegotiatedProtocolVersion();
const call = (name, args, options) =>
  o.sdk === 1 ? c.callTool({ name, arguments: args }, undefined, options) : c.callTool({ name, arguments: args }, options);
const text = (r) => ({ text: r.content.map((x) => x.text).join("\n"), isError: r.isError === true });

out.me = text(await call("close_me_get", {}));
out.read = text(await call("close_lead_get", { lead_id: o.lead }));
out.wrong = text(await call("close_opportunity_create", { lead_id: 1, value_period: "weekly", color: "red" }));
try {
  out.unknown = text(await call("close_lead_explode", {}));
} catch (e) {
  out.unknown = { code: e.code, text: String(e.message) };
}
answers.push({ action: "decline" }, { action: "accept", content: { approve: true } });
out.declined = text(await call("close_lead_delete", { lead_id: o.lead }));
out.approved = text(await call("close_lead_delete", { lead_id: o.second }));
try {
  out.ended = text(await call("close_webhooks_list", {}, { signal: AbortSignal.timeout(300) })); // it hangs in Close
} catch (e) {
  out.ended = { isError: true, text: String(e.message) };
}
out.after = text(await call("close_lead_get", { lead_id: o.lead }));
const record = await c.readResource({ uri: "close://lead/" + o.lead });
out.record = record.contents[0].text;
out.prompts = (await c.listPrompts()).prompts.length;
if (t.terminateSession) await t.terminateSession();
await c.close();
const [again] = await connect();
const r = await again.callTool({ name: "close_me_get", arguments: {} });
out.again = text(r);
await again.close();
console.log(JSON.stringify(out));
