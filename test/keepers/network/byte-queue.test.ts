// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { ByteQueue } from '../../../keepers/network/byte-queue.ts'
import { NetworkError } from '../../../keepers/network/index.ts'

type Source = ConstructorParameters<typeof ByteQueue>[0]

/** A stream that says what it is told to. */
class Talker extends EventTarget {
  readStatus = 'readable'
  aborted: Error | null = null
  say(...bytes: number[]): void {
    if (this.readStatus === 'readable')
      this.dispatchEvent(Object.assign(new Event('message'), { data: Uint8Array.from(bytes) }))
  }
  end(): void {
    this.dispatchEvent(new Event('end'))
  }
  abort(error: Error): void {
    this.aborted = error
    this.dispatchEvent(new Event('close'))
  }
  async closeRead(): Promise<void> {
    this.readStatus = 'closed'
  }
}

describe('items out of a stream', () => {
  const open = (most: number) => {
    const talker = new Talker()
    return { talker, queue: new ByteQueue(talker as unknown as Source, { lengthBytes: 2, most }) }
  }
  const codeOf = (body: Promise<unknown>) =>
    body.then(
      () => 'none',
      (error: NetworkError) => error.code,
    )

  it('are whole however the stream is cut, and nothing where it ends before', async () => {
    const { talker, queue } = open(100)
    for (const byte of [3, 0, 7, 8]) talker.say(byte)
    const first = queue.item(10)
    talker.say(9, 1, 0)
    expect([...(await first)]).to.deep.equal([7, 8, 9])
    const second = queue.itemOrEnd(10)
    talker.say(5)
    expect([...(await second)!]).to.deep.equal([5])
    expect([queue.taken, queue.hasMore]).to.deep.equal([8, false])
    const none = queue.itemOrEnd(10)
    talker.end()
    expect([await none, await codeOf(queue.item(10))]).to.deep.equal([null, 'UNAVAILABLE'])
  })

  it('are no longer than their reader allows', async () => {
    const { talker, queue } = open(100)
    talker.say(11, 0)
    expect(await codeOf(queue.item(10))).to.equal('TOO_LARGE')
  })

  it('end with the stream when more comes than they can come to, read or not', async () => {
    const { talker, queue } = open(6)
    talker.say(4, 0, 1, 2, 3, 4)
    await queue.item(4)
    queue.allow(3)
    talker.say(1, 0, 9)
    expect([...(await queue.item(1))]).to.deep.equal([9])
    expect(talker.aborted).to.equal(null)
    talker.say(0)
    expect(talker.aborted).to.be.instanceOf(NetworkError).with.property('code', 'TOO_LARGE')
    expect(await codeOf(queue.item(1))).to.equal('UNAVAILABLE')
  })

  it('are none after the reader has enough', async () => {
    const { talker, queue } = open(6)
    talker.say(1, 0, 9)
    await queue.close()
    talker.say(1, 0, 9)
    expect([queue.hasMore, talker.aborted]).to.deep.equal([false, null])
  })
})
