// SPDX-License-Identifier: Apache-2.0

/// Rows of text under headings, in columns two blanks apart.
public struct TextTable: Sendable {
    /// Widest table printed unless told otherwise.
    public static let width = 100

    public struct Column: Sendable {
        public enum Alignment: Sendable { case left, right }
        public var heading: String
        public var alignment: Alignment

        public static func left(_ heading: String) -> Column { Column(heading: heading, alignment: .left) }
        public static func right(_ heading: String) -> Column { Column(heading: heading, alignment: .right) }
    }

    public var columns: [Column]
    public private(set) var rows: [[String]] = []

    public init(_ columns: [Column]) { self.columns = columns }

    /// Missing cells are empty.
    public mutating func add(_ cells: [String]) {
        rows.append(
            Array((cells + repeatElement("", count: max(0, columns.count - cells.count))).prefix(columns.count)))
    }

    /// Leaves out columns in which no row has anything.
    public func withoutEmptyColumns() -> TextTable {
        let kept = columns.indices.filter { column in rows.contains { !$0[column].isEmpty } }
        var table = TextTable(kept.map { columns[$0] })
        for row in rows { table.add(kept.map { row[$0] }) }
        return table
    }

    /// Lines without trailing blanks. What does not fit `width` is cut in the widest left-aligned columns, with an
    /// ellipsis in the middle so that both ends of an address stay; nil: nothing is cut.
    public func lines(width: Int? = TextTable.width) -> [String] {
        var widths = columns.indices.map { column in
            rows.reduce(columns[column].heading.count) { max($0, $1[column].count) }
        }
        if let width {
            let gaps = 2 * max(columns.count - 1, 0)
            while widths.reduce(gaps, +) > width {
                let widest = columns.indices.filter { columns[$0].alignment == .left }.max { widths[$0] < widths[$1] }
                guard let widest, widths[widest] > 4 else { break }
                widths[widest] -= 1
            }
        }
        return ([columns.map(\.heading)] + rows).map { cells in
            var line = ""
            for (column, cell) in cells.enumerated() {
                let text = Self.cut(cell, to: widths[column])
                let blanks = String(repeating: " ", count: max(0, widths[column] - text.count))
                if column > 0 { line += "  " }
                line += columns[column].alignment == .left ? text + blanks : blanks + text
            }
            while line.last == " " { line.removeLast() }
            return line
        }
    }

    static func cut(_ text: String, to width: Int) -> String {
        guard text.count > width, width > 1 else { return text }
        let tail = (width - 1) / 2
        return text.prefix(width - 1 - tail) + "…" + text.suffix(tail)
    }
}
