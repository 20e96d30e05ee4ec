// SPDX-License-Identifier: GPL-3.0-or-later
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect } from 'chai'

/** In a thread of its own, whose WebAssembly fails the first time, as it does where memory has run out. */
const BODY = `
  import { parentPort, workerData } from 'node:worker_threads'
  const { insistOnSeal } = await import(workerData.seal)
  const { parameterSet } = await import(workerData.parameters)
  const { instantiate } = WebAssembly
  let calls = 0
  WebAssembly.instantiate = (...given) =>
    calls++ === 0 ? Promise.reject(new RangeError('could not allocate memory')) : instantiate(...given)
  const outcomes = []
  for (let i = 0; i < 3; i++) outcomes.push(await insistOnSeal(parameterSet('default')).then(() => 'yes', () => 'no'))
  const refused = { ...parameterSet('default'), primes: [3n, 5n] }
  for (let i = 0; i < 2; i++) outcomes.push(await insistOnSeal(refused).then(() => 'yes', () => 'no'))
  parentPort.postMessage({ outcomes, calls })
`

describe('fhe: SEAL that could not be loaded', () => {
  it('is loaded by the next call, and a set that it refuses stays refused', async () => {
    const url = (file: string) => new URL(`../../../keepers/fhe/${file}`, import.meta.url).href
    const thread = new Worker(new URL(`data:text/javascript,${encodeURIComponent(BODY)}`), {
      workerData: { seal: url('seal.ts'), parameters: url('parameters.ts') },
      stderr: true,
    })
    const [{ outcomes, calls }] = await once(thread, 'message')
    await thread.terminate()
    expect(outcomes).to.deep.equal(['no', 'yes', 'yes', 'no', 'no'])
    expect(calls).to.equal(2)
  })
})
