// SPDX-License-Identifier: GPL-3.0-or-later
// An endpoint before another one: passes everything on, but for the results of calls that a test has it change.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

type Payload = { readonly id: unknown; readonly method: string; readonly params: readonly unknown[] }
type Call = { readonly to?: string; readonly data?: string }

/** @param change of the result of an `eth_call`; null leaves it as it is */
export async function startLyingProxy(behind: string, change: (call: Call, result: string) => string | null) {
  const answer = (payload: Payload, body: { result?: unknown }) => {
    if (payload.method !== 'eth_call' || typeof body.result !== 'string') return body
    return { ...body, result: change(payload.params[0] as Call, body.result) ?? body.result }
  }
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const text = Buffer.concat(parts).toString()
    const sent = await fetch(behind, { method: 'POST', headers: { 'content-type': 'application/json' }, body: text })
    const [asked, said] = [JSON.parse(text), (await sent.json()) as never]
    const told = Array.isArray(asked) ? asked.map((payload, i) => answer(payload, said[i]!)) : answer(asked, said)
    response.setHeader('content-type', 'application/json').end(JSON.stringify(told))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const stop = async () => {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, [Symbol.asyncDispose]: stop }
}
