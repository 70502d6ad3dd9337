// The maps of an explanation as blocks, a square a position, or smooth.
const blocks = document.getElementById("blocks");
blocks.addEventListener("change", () => document.body.classList.toggle("blocks", blocks.checked));
