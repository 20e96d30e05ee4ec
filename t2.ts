import { plan } from '/work/wt/proofs/keepers/fhe/index.ts'
const show = (o) => { try { const p = plan({minPrecisionBits:0, scaleBits:'widest', ...o}); console.log(JSON.stringify(o), 'scale', p.scaleBits, 'sigma', p.flooding.log2Sigma, 'sumErr 2^', Math.log2(p.precision.sumError).toFixed(1), 'mean 2^', Math.log2(p.precision.meanError).toFixed(1), 'limit/B', (Number(p.proof.limit)/p.proof.honestNorm).toFixed(0), 'entry/B', (p.proof.entry/p.proof.honestNorm).toFixed(0), 'norm/B', (p.proof.norm/p.proof.honestNorm).toFixed(0), p.bytes.shortnessProof) } catch (e) { console.log(JSON.stringify(o), e.message) } }
show({ members: 5, threshold: 3, vectorLength: 50, clipBound: 8, decryptionsPerKey: 1000 })
show({ members: 10, threshold: 7, vectorLength: 44426, clipBound: 8, decryptionsPerKey: 100 })
show({ members: 10, threshold: 7, vectorLength: 44426, clipBound: 1, clipNorm: 20, decryptionsPerKey: 100 })
show({ members: 10, threshold: 7, vectorLength: 1000000, clipBound: 1, clipNorm: 20, decryptionsPerKey: 100 })
show({ members: 10, threshold: 7, vectorLength: 1000000, clipBound: 8, decryptionsPerKey: 100 })
show({ members: 64, threshold: 33, vectorLength: 1000000, clipBound: 1, clipNorm: 20, decryptionsPerKey: 100 })
show({ members: 64, threshold: 33, vectorLength: 44426, clipBound: 1, clipNorm: 20, decryptionsPerKey: 100 , maxWeight: 60000, minTotalWeight: 1000})
show({ members: 256, threshold: 129, vectorLength: 93322, clipBound: 1, clipNorm: 20, decryptionsPerKey: 1000 })
show({ members: 64, threshold: 33, vectorLength: 1000000, clipBound: 1, clipNorm: 20, decryptionsPerKey: 100 , statisticalBits: 104})
show({ members: 5, threshold: 3, vectorLength: 50, clipBound: 8, decryptionsPerKey: 1000, set: 'precise' })
