// SPDX-License-Identifier: Apache-2.0

/// A YAML document as a person would lay it out: short mappings and lists on a line (`{a: 1, b: [2, 3]}`), long ones over several.
indirect enum YAMLText {
    /// As it stands in the file, quotes and all.
    case scalar(String)
    case list([YAMLText])
    case mapping(YAMLFields)

    /// Longest line that is written on purpose.
    static let width = 100

    /// A text as a scalar: plain where every reader takes it for this text, in double quotes otherwise.
    static func text(_ text: String) -> YAMLText { .scalar(quoted(text)) }

    /// A text as the key of a mapping.
    static func key(_ text: String) -> String { quoted(text) }

    static func number(_ value: some BinaryInteger) -> YAMLText { .scalar("\(value)") }

    static func flag(_ value: Bool) -> YAMLText { .scalar(value ? "true" : "false") }

    // MARK: Layout

    /// The value on one line.
    private var line: String {
        switch self {
        case .scalar(let text): text
        case .list(let elements): "[" + elements.map(\.line).joined(separator: ", ") + "]"
        case .mapping(let fields):
            "{" + fields.list.map { "\($0.key): \($0.value.line)" }.joined(separator: ", ") + "}"
        }
    }

    private var isTall: Bool {
        switch self {
        case .scalar: false
        case .list(let elements): elements.contains(where: \.isTall)
        case .mapping(let fields): fields.isTall || fields.list.contains { $0.value.isTall }
        }
    }

    /// A line that begins with `head`, with the value behind it or, if it does not fit, indented below it.
    private func lines(behind head: String, indentation: Int) -> [String] {
        let line = line
        if !isTall, head.count + 1 + line.count <= Self.width { return ["\(head) \(line)"] }
        switch self {
        case .scalar: return ["\(head) \(line)"]
        case .list(let elements):
            // An empty list has nothing to go below.
            return elements.isEmpty ? ["\(head) []"] : [head] + Self.items(elements, indentation: indentation)
        case .mapping(let fields): return [head] + fields.lines(indentation: indentation)
        }
    }

    /// `key: value`, as many lines as it takes.
    func lines(key: String, indentation: Int = 0) -> [String] {
        lines(behind: String(repeating: " ", count: indentation) + key + ":", indentation: indentation + 2)
    }

    /// `- element` for each element.
    static func items(_ elements: [YAMLText], indentation: Int) -> [String] {
        let blanks = String(repeating: " ", count: indentation)
        return elements.flatMap { element in
            guard case .mapping(let fields) = element, element.isTall || indentation + 2 + element.line.count > width
            else { return [blanks + "- " + element.line] }
            var lines = fields.lines(indentation: indentation + 2)
            // The first member stands behind the dash.
            if !lines.isEmpty { lines[0] = blanks + "- " + lines[0].dropFirst(indentation + 2) }
            return lines
        }
    }

    // MARK: Scalars

    /// Words that some reader of YAML takes for something else than a text.
    private static let reserved: Set<String> = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"]

    private static func quoted(_ text: String) -> String {
        func isPlain(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"), UInt8(ascii: "/"):
                true
            default: false
            }
        }
        let inside: Set<UInt8> = [UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: " ")]
        let bytes = Array(text.utf8)
        if let first = bytes.first, let last = bytes.last, isPlain(first), last != UInt8(ascii: " "),
            bytes.allSatisfy({ isPlain($0) || inside.contains($0) }), !reserved.contains(text.lowercased()),
            Double(text) == nil
        {
            return text
        }
        return "\"" + text.unicodeScalars.map(escaped).joined() + "\""
    }

    /// YAML 1.1, 5.6: as it is if it is printable and no break, else by its number.
    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\"": return "\\\""
        case "\\": return "\\\\"
        case "\n": return "\\n"
        case "\t": return "\\t"
        case " "..."~": return String(scalar)
        default: break
        }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .otherLetter, .modifierLetter, .decimalNumber, .otherPunctuation,
            .mathSymbol, .otherSymbol, .dashPunctuation:
            return String(scalar)
        default:
            let digits = String(scalar.value, radix: 16)
            let (letter, count) = scalar.value <= 0xff ? ("x", 2) : scalar.value <= 0xffff ? ("u", 4) : ("U", 8)
            return "\\" + letter + String(repeating: "0", count: count - digits.count) + digits
        }
    }
}

/// The members of a mapping, in their order.
struct YAMLFields {
    struct Field {
        var key: String
        var value: YAMLText
    }

    private(set) var list: [Field] = []
    /// Every member on a line of its own, however short.
    var isTall = false

    init() {}

    init(_ key: String, _ value: YAMLText) { list = [Field(key: key, value: value)] }

    /// Nothing is added for nil.
    mutating func add(_ key: String, _ value: YAMLText?) {
        if let value { list.append(Field(key: key, value: value)) }
    }

    mutating func add(_ other: YAMLFields) { list += other.list }

    func lines(indentation: Int = 0) -> [String] {
        list.flatMap { $0.value.lines(key: $0.key, indentation: indentation) }
    }
}
