// What a JavaScript program does with the API: `node clients.mjs <client> <case>`, with OPENAI_BASE_URL and OPENAI_API_KEY set.
// Prints one JSON object; tests/clients/test_node.py says what it must hold.
import { createOpenAI } from "@ai-sdk/openai";
import { generateText, jsonSchema, streamText, tool } from "ai";

const [client, scenario] = process.argv.slice(2);
const baseURL = process.env.OPENAI_BASE_URL;
const apiKey = process.env.OPENAI_API_KEY;
const model = "gpt-4o-mini";
const messages = [{ role: "user", content: "Say hello." }];
const weather = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };

async function openai(version) {
  const { default: OpenAI } = await import(`openai-${version}`);
  const api = new OpenAI({ baseURL, apiKey, timeout: Number(process.env.TIMEOUT_MS ?? 10_000) });
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
    async tools() {
      const answer = await api.chat.completions.create({
        model, messages, tools: [{ type: "function", function: { name: "weather", parameters: weather } }],
      });
      const { name, arguments: given } = answer.choices[0].message.tool_calls[0].function;
      return { name, given: JSON.parse(given), finish: answer.choices[0].finish_reason };
    },
    async embeddings() {
      const answer = await api.embeddings.create({ model: "text-embedding-3-small", input: "hello" });
      return { numbers: answer.data[0].embedding.length, first: answer.data[0].embedding[0] };
    },
    async responses() {
      const answer = await api.responses.create({ model, input: "Say hello." });
      return { text: answer.output_text, status: answer.status, usage: answer.usage };
    },
    async error() {
      try {
        await api.chat.completions.create({ model: "gpt-99", messages });
      } catch (error) {
        return { kind: error.constructor.name, status: error.status, code: error.code, forge: error.error?.forge };
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
    async tools() {
      const tools = { weather: tool({ description: "The weather", inputSchema: jsonSchema(weather) }) };
      const { toolCalls, finishReason } = await generateText({ ...call, tools });
      return { name: toolCalls[0].toolName, given: toolCalls[0].input, finish: finishReason };
    },
    async responses() {
      const { text } = await generateText({ ...call, model: provider.responses(model) });
      return { text };
    },
    async error() {
      try {
        await generateText({ ...call, model: provider.chat("gpt-99") });
      } catch (error) {
        return { kind: error.name, status: error.statusCode, code: error.data?.error?.code };
      }
    },
  };
}

const cases = client === "vercel" ? vercel() : await openai(client.replace("openai-", ""));
console.log(JSON.stringify(await cases[scenario]()));
