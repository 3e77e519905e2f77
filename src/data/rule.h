/* The parsed form of rules, shared by parser and evaluation. */
#ifndef MNK_DATA_RULE_H
#define MNK_DATA_RULE_H

#include "manikin/table.h"

enum { MNK_RULE_BYTES_MAX = 4096, MNK_RULE_DEPTH_MAX = 64, MNK_RULE_NODES_MAX = 1024 };

typedef enum mnk_rule_op {
    MNK_RULE_AND,
    MNK_RULE_OR,
    MNK_RULE_NOT,
    MNK_RULE_MISSING, /* column `left` */
    MNK_RULE_EQUAL,   /* the comparisons: column `left` with column `right`, or with the value */
    MNK_RULE_UNEQUAL,
    MNK_RULE_LESS,
    MNK_RULE_LESS_EQUAL,
    MNK_RULE_GREATER,
    MNK_RULE_GREATER_EQUAL
} mnk_rule_op;

typedef struct mnk_rule_node {
    mnk_rule_op op;
    int a, b;     /* AND, OR, NOT: nodes */
    long left;    /* column */
    long right;   /* column, -1: the value */
    double value; /* of number and date columns */
    int32_t code; /* of columns of codes; -1: text, which is no level (yet) */
    char *text;   /* owned; NULL unless code is -1 */
} mnk_rule_node;

struct mnk_rule {
    char *text;
    mnk_rule_node *node;
    size_t nodes;
    int root;
};

#endif
