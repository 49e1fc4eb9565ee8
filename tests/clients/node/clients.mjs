// What a JavaScript program does with the API: `node clients.mjs <client> <case>`, with OPENAI_BASE_URL and OPENAI_API_KEY set.
// Prints one JSON object; tests/clients/test_node.py says what it must hold.
import { createOpenAI } from "@ai-sdk/openai";
import { embedMany, generateText, jsonSchema, streamText, tool } from "ai";

const [client, scenario] = process.argv.slice(2);
const baseURL = process.env.OPENAI_BASE_URL;
const apiKey = process.env.OPENAI_API_KEY;
const model = "gpt-4o-mini";
const messages = [{ role: "user", content: "Say hello." }];
const weather = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };

async function openai(version) {
  const { default: OpenAI } = await import(`openai-${version}`);
  const maxRetries = Number(process.env.MAX_RETRIES ?? 2);
  const api = new OpenAI({ baseURL, apiKey, maxRetries, timeout: Number(process.env.TIMEOUT_MS ?? 10_000) });
  return {
    async chat() {
      const answer = await api.chat.completions.create({ model, messages });
      return { text: answer.choices[0].message.content, receipt: answer.forge_receipt };
    },
    async stream() {
      const stream = await api.chat.completions.create({
        model, messages, stream: true, stream_options: { include_usage: true },
      });
      let text = "", receipt, usage;
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta?.content ?? "";
        if (chunk.usage) ({ usage, forge_receipt: receipt } = chunk);
      }
      return { text, receipt, usage };
    },
    async "tools-stream"() {
      const tools = [{ type: "function", function: { name: "weather", parameters: weather } }];
      const [choice] = (await api.chat.completions.stream({ model, messages, tools }).finalChatCompletion()).choices;
      const { name, arguments: given } = choice.message.tool_calls[0].function;
      return { name, given: JSON.parse(given), finish: choice.finish_reason };
    },
    async tools() {
      const answer = await api.chat.completions.create({
        model, messages, tools: [{ type: "function", function: { name: "weather", parameters: weather } }],
      });
      const { name, arguments: given } = answer.choices[0].message.tool_calls[0].function;
      return { name, given: JSON.parse(given), finish: answer.choices[0].finish_reason };
    },
    async helper() {
      const stream = api.chat.completions.stream({ model, messages });
      return { text: (await stream.finalChatCompletion()).choices[0].message.content };
    },
    async embeddings() {
      const input = ["hello", "again"];
      const answer = await api.embeddings.create({ model: "text-embedding-3-small", input });
      const floats = await api.embeddings.create({ model: "text-embedding-3-small", input, encoding_format: "float" });
      return {
        vectors: answer.data.map(({ embedding }) => embedding),
        floats: floats.data.map(({ embedding }) => embedding),
        receipt: answer.forge_receipt,
      };
    },
    async responses() {
      const answer = await api.responses.create({ model, input: "Say hello." });
      return { text: answer.output_text, status: answer.status, usage: answer.usage, receipt: answer.forge_receipt };
    },
    async "responses-stream"() {
      const types = [];
      let text = "", last;
      for await (const event of await api.responses.create({ model, input: "Say hello.", stream: true })) {
        types.push(event.type);
        if (event.type === "response.output_text.delta") text += event.delta;
        last = event.response;
      }
      return { text, types, usage: last.usage, receipt: last.forge_receipt };
    },
    async error() {
      try {
        await api.chat.completions.create({ model: process.env.MODEL ?? "gpt-99", messages });
      } catch (error) {
        return { kind: error.constructor.name, status: error.status, code: error.code, forge: error.error?.forge };
      }
    },
    async "broken-stream"() {
      try {
        for await (const _ of await api.chat.completions.create({ model, messages, stream: true }));
      } catch (error) {
        return { kind: error.constructor.name, code: error.code };
      }
    },
  };
}

function vercel() {
  const provider = createOpenAI({ baseURL, apiKey });
  const call = { model: provider.chat(model), prompt: "Say hello.", maxRetries: 1 };
  return {
    async chat() {
      const { text, usage } = await generateText(call);
      return { text, usage };
    },
    async stream() {
      const { textStream, usage } = streamText(call);
      let text = "";
      for await (const part of textStream) text += part;
      return { text, usage: await usage };
    },
    async embeddings() {
      const values = ["hello", "again"];
      const { embeddings } = await embedMany({ model: provider.embedding("text-embedding-3-small"), values });
      return { vectors: embeddings };
    },
    async tools() {
      const tools = { weather: tool({ description: "The weather", inputSchema: jsonSchema(weather) }) };
      const { toolCalls, finishReason } = await generateText({ ...call, tools });
      return { name: toolCalls[0].toolName, given: toolCalls[0].input, finish: finishReason };
    },
    async "tools-stream"() {
      const tools = { weather: tool({ description: "The weather", inputSchema: jsonSchema(weather) }) };
      const { toolCalls, finishReason } = streamText({ ...call, tools });
      const [{ toolName: name, input: given }] = await toolCalls;
      return { name, given, finish: await finishReason };
    },
    async responses() {
      const { text, finishReason: status, usage } = await generateText({ ...call, model: provider.responses(model) });
      return { text, status, usage };
    },
    async "responses-stream"() {
      const { textStream, usage } = streamText({ ...call, model: provider.responses(model) });
      let text = "";
      for await (const part of textStream) text += part;
      return { text, usage: await usage };
    },
    async error() {
      try {
        await generateText({ ...call, model: provider.chat(process.env.MODEL ?? "gpt-99") });
      } catch (error) {
        return { kind: error.name, status: error.statusCode, code: error.data?.error?.code };
      }
    },
    async "broken-stream"() {
      let failed;
      const { textStream } = streamText({ ...call, onError: ({ error }) => { failed = error; } });
      for await (const _ of textStream);
      return { kind: typeof failed, code: failed?.code ?? failed?.error?.code };
    },
  };
}

const cases = client === "vercel" ? vercel() : await openai(client.replace("openai-", ""));
console.log(JSON.stringify(await cases[scenario]()));
