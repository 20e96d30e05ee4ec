// SPDX-License-Identifier: GPL-3.0-or-later
// What the fraud model is trained on is what the contracts tell it: the encoder byte for byte, the ledger spend by spend.
import { resolve } from 'node:path'
import { expect } from 'chai'
import { ContractFactory, getBytes, hexlify, MaxUint256, ZeroAddress } from 'ethers'
import { network } from 'hardhat'
import {
  encodeSpend,
  SPEND_CLASSES,
  SPEND_ORIGINS,
  type SpendFacts,
  SpendLedger,
  spendCommitment,
  spendFeatures,
} from '../../../keepers/apps/spending/index.ts'
import type { Spend } from '../../../keepers/apps/spending/ledger.ts'
import { SeededRandom } from '../../../keepers/learning/random.ts'
import { compile } from '../../../scripts/solc.ts'
import { createGuard, DAY, LIMIT, MINUTE } from './guard.ts'

const LIBRARY = resolve(import.meta.dirname, '../../../contracts/consumers/SpendFeatures.sol')
const SOURCE = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;
import {SpendFeatures} from "${LIBRARY}";
import {ISpendingGuardTypes} from "${resolve(LIBRARY, '../../interfaces/ISpendingGuard.sol')}";

contract Features {
    function encode(
        SpendFeatures.Reading calldata reading,
        SpendFeatures.Past calldata past,
        ISpendingGuardTypes.Origin origin
    ) external view returns (bytes memory features, bytes32 commitment) {
        features = SpendFeatures.encode(reading, past, origin);
        commitment = SpendFeatures.commit(features);
    }
}
`

/** A number of at most `bits` bits, each length as likely as the next. */
function magnitude(random: SeededRandom, bits: number): bigint {
  const length = random.below(bits + 1)
  let number = 0n
  for (let i = 0; i < length; i++) number = (number << 1n) | BigInt(i === 0 ? 1 : random.below(2))
  return number
}

describe('The features of a spend', function () {
  this.timeout(60_000)

  it('are the same sixteen bytes here and in the contract, and so is their commitment', async () => {
    const { ethers } = await network.create()
    const [signer] = await ethers.getSigners()
    const { Features } = compile(SOURCE)
    const harness = await new ContractFactory(Features!.abi, Features!.bytecode, signer).deploy()
    const encode = harness.getFunction('encode')
    const plain = ethers.Wallet.createRandom().address
    const random = new SeededRandom(11)
    const draw = (i: number): SpendFacts => ({
      amount: i === 0 ? MaxUint256 : magnitude(random, 256),
      limit: random.below(10) === 0 ? 0n : magnitude(random, 96),
      spent: magnitude(random, 96),
      count: random.below(40),
      idle: random.below(8) === 0 ? null : Number(magnitude(random, 31)),
      paidBefore: random.below(24),
      recipientHasCode: random.below(2) === 1,
      class: SPEND_CLASSES[random.below(SPEND_CLASSES.length)]!,
      origin: SPEND_ORIGINS[random.below(SPEND_ORIGINS.length)]!,
    })
    const edges = [2n ** 240n - 1n, 2n ** 240n].map((amount) => ({ ...draw(1), amount, limit: 2n ** 96n - 1n }))
    for (const facts of [...edges, ...Array.from({ length: 150 }, (_, i) => draw(i))]) {
      const { amount, limit, spent, count, idle, paidBefore } = facts
      const kind = SPEND_CLASSES.indexOf(facts.class)
      const recipient = facts.recipientHasCode ? await harness.getAddress() : plain
      const reading = { moves: true, forced: false, class: kind, asset: ZeroAddress, recipient, amount }
      const past = { limit, spent, count, idle: idle ?? MaxUint256, paidBefore }
      const [features, commitment] = await encode(reading, past, SPEND_ORIGINS.indexOf(facts.origin))
      const spend = encodeSpend(spendFeatures(facts))
      expect(
        hexlify(spend),
        JSON.stringify(facts, (_, value) => String(value)),
      ).to.equal(features)
      expect(spendCommitment(spend)).to.equal(BigInt(commitment))
    }
  })

  it('follow from the same history here and in the guard', async () => {
    const { guard, user, configure, spend, tokenSpend, check, judge, networkHelpers, now, ethers } = await createGuard()
    await configure()
    const ledger = new SpendLedger([LIMIT, LIMIT], DAY)
    const recipients = [0, 1, 2].map(() => ({ id: ledger.recipient(false), to: ethers.Wallet.createRandom().address }))
    const random = new SeededRandom(12)
    let verdicts = 0
    ledger.now = (await now()) + 10
    for (let i = 0; i < 30; i++) {
      const { id, to } = recipients[random.below(3)]!
      const asset = random.below(2)
      const amount = BigInt(1 + random.below(random.below(4) === 0 ? 4000 : 400))
      const given = asset === 0 ? spend({ to, value: amount }) : tokenSpend('transfer', [to, amount])
      const ours: Spend = {
        ...{ asset, amount, recipient: id },
        class: asset === 0 ? 'native' : 'token-transfer',
        origin: 'owners',
      }
      const told = getBytes(await guard.featuresOf(user, given, ledger.now))
      expect(hexlify(encodeSpend(ledger.featuresOf(ours))), `spend ${i}`).to.equal(hexlify(told))
      if (ledger.needsVerdict(ours)) {
        await networkHelpers.time.increaseTo(ledger.now)
        await expect(check(given), `spend ${i}`).to.be.revertedWithCustomError(guard, 'VerdictMissing')
        await judge(given)
        ledger.now = (await now()) + 1
        verdicts += 1
      }
      await networkHelpers.time.setNextBlockTimestamp(ledger.now)
      await check(given)
      expect(await now()).to.equal(ledger.now)
      ledger.record(ours)
      ledger.now += MINUTE + random.below(random.below(3) === 0 ? 2 * DAY : 5 * MINUTE)
    }
    expect(verdicts).to.be.within(4, 15)
  })
})
