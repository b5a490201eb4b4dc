// SPDX-License-Identifier: Apache-2.0

/// The fields of a frame, or the fields a rule asks for, packed so that a rule compares in five words.
struct FrameKey: Hashable, Sendable, BitwiseCopyable {
    var a: UInt64 = 0
    var b: UInt64 = 0
    var c: UInt64 = 0
    var d: UInt64 = 0
    var e: UInt64 = 0

    subscript(field: FrameField) -> UInt64 {
        get {
            let (word, shift, width) = field.place
            return self[word: word] >> shift & ((1 << width) - 1)
        }
        set {
            let (word, shift, width) = field.place
            let mask: UInt64 = (1 << width) - 1
            self[word: word] = self[word: word] & ~(mask << shift) | (newValue & mask) << shift
        }
    }

    private subscript(word word: Int) -> UInt64 {
        get {
            switch word {
            case 0: a
            case 1: b
            case 2: c
            case 3: d
            default: e
            }
        }
        set {
            switch word {
            case 0: a = newValue
            case 1: b = newValue
            case 2: c = newValue
            case 3: d = newValue
            default: e = newValue
            }
        }
    }

    func has(_ field: FrameField) -> Bool { e & field.presence != 0 }

    mutating func mark(_ field: FrameField) { e |= field.presence }

    /// Everything in `mask` is as in `value`.
    @inline(__always)
    func agrees(with value: FrameKey, under mask: FrameKey) -> Bool {
        (a ^ value.a) & mask.a | (b ^ value.b) & mask.b | (c ^ value.c) & mask.c | (d ^ value.d) & mask.d
            | (e ^ value.e) & mask.e == 0
    }

    /// Asks for a field: it must be there and have this value.
    static func ask(_ field: FrameField, _ number: UInt64, value: inout FrameKey, mask: inout FrameKey) {
        value[field] = number
        value.mark(field)
        mask[field] = ~0
        mask.mark(field)
    }
}
