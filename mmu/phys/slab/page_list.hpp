// A doubly linked list of slabs through their descriptors; the head is a frame number, 0 for empty.
// Guarded by whatever guards the slabs.
#pragma once

#include <cstdint>

#include "mmu/phys/frame_source.hpp"

namespace pagoda::phys::page_list {

inline void push(FrameSource &source, std::uint32_t &head, KernelPage &page) {
  const std::uint32_t number = source.number(page);
  page.prev = 0;
  page.next = head;
  if (head != 0) source.page(head).prev = number;
  head = number;
}

inline void remove(FrameSource &source, std::uint32_t &head, KernelPage &page) {
  if (page.prev != 0)
    source.page(page.prev).next = page.next;
  else
    head = page.next;
  if (page.next != 0) source.page(page.next).prev = page.prev;
  page.next = page.prev = 0;
}

// The first slab, taken off; null for an empty list.
inline KernelPage *pop(FrameSource &source, std::uint32_t &head) {
  if (head == 0) return nullptr;
  KernelPage &page = source.page(head);
  remove(source, head, page);
  return &page;
}

// The same with its last slab known, so that one can join at the end: taken from the front, a slab has
// gathered as many free objects as it could meanwhile.
struct Queue {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
};

inline void push(FrameSource &source, Queue &queue, KernelPage &page) {
  push(source, queue.first, page);
  if (queue.last == 0) queue.last = queue.first;
}

inline void append(FrameSource &source, Queue &queue, KernelPage &page) {
  if (queue.last == 0) return push(source, queue, page);
  const std::uint32_t number = source.number(page);
  page.prev = queue.last;
  page.next = 0;
  source.page(queue.last).next = number;
  queue.last = number;
}

inline void remove(FrameSource &source, Queue &queue, KernelPage &page) {
  if (page.next == 0) queue.last = page.prev;
  remove(source, queue.first, page);
}

// `visit` may take the slab off.
template <class Visit> void for_each(FrameSource &source, std::uint32_t head, Visit &&visit) {
  for (std::uint32_t at = head; at != 0;) {
    KernelPage &page = source.page(at);
    at = page.next;
    visit(page);
  }
}

} // namespace pagoda::phys::page_list
