// SPDX-License-Identifier: GPL-3.0-or-later
import { RelayError } from './errors.ts'
import { answerSchema, CALLS_PATH, MAX_ANSWER, type RelayRequest } from './protocol.ts'

/**
 * Hands a signed call to a relayer. Returns the hash of the transaction that the relayer claims to have sent.
 * @throws RelayError with its refusal; UNREACHABLE, BAD_ANSWER
 */
export async function handOver(url: string, request: RelayRequest, signal: AbortSignal): Promise<string> {
  const target = new URL(CALLS_PATH.slice(1), url.endsWith('/') ? url : `${url}/`)
  let text: string
  try {
    const response = await fetch(target, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
      redirect: 'error',
      signal,
    })
    text = await readAtMost(response, MAX_ANSWER)
  } catch (cause) {
    if (cause instanceof RelayError) throw cause
    const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
    throw new RelayError('UNREACHABLE', `${target.origin}: ${inner instanceof Error ? inner.message : inner}`, {
      cause,
    })
  }
  const answer = answerSchema.safeParse(jsonOf(text))
  if (!answer.success) throw new RelayError('BAD_ANSWER', `${target.origin} answers what no relayer says`)
  if ('code' in answer.data) throw new RelayError(answer.data.code, answer.data.message)
  return answer.data.transaction
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

async function readAtMost(response: Response, most: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  // Leaving the loop cancels the body.
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > most) throw new RelayError('BAD_ANSWER', `the answer is longer than ${most} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
