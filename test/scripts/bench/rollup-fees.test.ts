// SPDX-License-Identifier: GPL-3.0-or-later
import { brotliCompressSync, constants } from 'node:zlib'
import { expect } from 'chai'
import { Transaction } from 'ethers'
import { arbitrumDataFee, fastlzLength, opStackDataFee } from '../../../scripts/bench/clients/rollup-fees.ts'

/** Transaction 0x8eb9dd4eb6d33f4dc25fb015919e4b1e9f7542f9b0322bf6622e268cd116b594 of OP Mainnet, one of the vectors of op-geth. */
const CALL =
  '0x02f901550a758302df1483be21b88304743f94f80e51afb613d764fa61751affd3313c190a86bb870151bd62fd12adb8e41ef24f3f' +
  '000000000000000000000000000000000000000000000000000000000000006e000000000000000000000000af88d065e77c8cc22393' +
  '27c5edb3a432268e5831000000000000000000000000000000000000000000000000000000000003c1e5000000000000000000000000' +
  '000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000a00000' +
  '0000000000000000000000000000000000000000000000000000000000148c89ed219d02f1a5be012c689b4f5b731827bebe00000000' +
  '0000000000000000c001a033fd89cb37c31b2cba46b6466e040c61fc9b2a3675a7f5f493ebd5ad77c497f8a07cdf65680e2383926930' +
  '19b4092f610222e71b7cec06449cb922b93b6a12744e'

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.slice(2), 'hex'))

describe('fees of rollups for data', () => {
  it('count bytes as FastLZ leaves them, by the vectors of op-geth', () => {
    expect(Transaction.from(CALL).hash).to.equal('0x8eb9dd4eb6d33f4dc25fb015919e4b1e9f7542f9b0322bf6622e268cd116b594')
    expect(fastlzLength(new Uint8Array(0))).to.equal(0)
    expect(fastlzLength(new Uint8Array(1000).fill(1))).to.equal(21)
    expect(fastlzLength(new Uint8Array(1000))).to.equal(21)
    expect(fastlzLength(bytes(CALL))).to.equal(202)
  })

  it('of the OP Stack follow the formula of Fjord, and are never for less than a hundred bytes', () => {
    const prices = {
      l1BaseFee: 1_000_000_000n,
      l1BlobBaseFee: 10_000_000n,
      baseFeeScalar: 2n,
      blobBaseFeeScalar: 3n,
    }
    const perByte = 16 * 2 * 1_000_000_000 + 3 * 10_000_000
    expect(opStackDataFee(new Uint8Array(20), prices)).to.equal(BigInt((100 * perByte) / 1e6))
    const size = -42.5856 + 0.8365 * 202
    expect(Number(opStackDataFee(bytes(CALL), prices))).to.be.closeTo((size * perByte) / 1e6, 1)
  })

  it('of Arbitrum are sixteen units for each byte that brotli leaves', () => {
    const params = { [constants.BROTLI_PARAM_QUALITY]: 1 }
    const left = brotliCompressSync(bytes(CALL), { params }).length
    expect(left).to.be.below(bytes(CALL).length)
    expect(arbitrumDataFee(bytes(CALL), 7n)).to.equal(BigInt(left * 16 * 7))
  })
})
