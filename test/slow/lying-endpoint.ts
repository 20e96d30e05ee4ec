// SPDX-License-Identifier: GPL-3.0-or-later
// A JSON-RPC endpoint of a keeper's own that passes everything on and answers some calls as it likes: how an unchanged program is made to
// do what its operator wants and its rules forbid.
import { createServer } from 'node:http'

/** Answers by the first ten characters of a call's data, which name its function. */
export type Lies = Readonly<Record<string, string>>

type Request = { readonly id: unknown; readonly method: string; readonly params: readonly unknown[] }

export async function lyingEndpoint(target: string, lies: Lies): Promise<{ url: string; stop(): Promise<void> }> {
  const lieTo = ({ method, params }: Request): string | undefined => {
    const { data, input } = (params?.[0] ?? {}) as { data?: string; input?: string }
    return method === 'eth_call' ? lies[String(data ?? input).slice(0, 10)] : undefined
  }
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const body = Buffer.concat(parts).toString()
    try {
      const upstream = await fetch(target, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
      const [asked, answered] = [JSON.parse(body), JSON.parse(await upstream.text())]
      const told = (one: Request, answer: object) => {
        const result = lieTo(one)
        return result === undefined ? answer : { jsonrpc: '2.0', id: one.id, result }
      }
      const all = Array.isArray(asked)
        ? answered.map((answer: { id: unknown }) => told(asked.find(({ id }) => id === answer.id)!, answer))
        : told(asked, answered)
      response.end(JSON.stringify(all))
    } catch {
      response.destroy()
    }
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as { port: number }
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}
