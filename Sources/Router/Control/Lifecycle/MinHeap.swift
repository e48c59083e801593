/// A queue whose least element comes first.
struct MinHeap<Element: Comparable> {
  private(set) var elements: [Element] = []

  var first: Element? { elements.first }
  var count: Int { elements.count }

  mutating func removeAll() { elements = [] }

  mutating func insert(_ element: Element) {
    elements.append(element)
    var at = elements.count - 1
    while at > 0, elements[at] < elements[(at - 1) / 2] {
      elements.swapAt(at, (at - 1) / 2)
      at = (at - 1) / 2
    }
  }

  mutating func removeFirst() -> Element {
    elements.swapAt(0, elements.count - 1)
    let first = elements.removeLast()
    var at = 0
    while true {
      var least = at
      for child in [2 * at + 1, 2 * at + 2] where child < elements.count && elements[child] < elements[least] {
        least = child
      }
      if least == at { return first }
      elements.swapAt(at, least)
      at = least
    }
  }
}
